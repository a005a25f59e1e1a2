"""The app's addresses: REST under /v1, pages everywhere else."""

from django.urls import include, path

urlpatterns = [
    path("", include("builds.api.urls")),
    path("", include("builds.pages.urls")),
]
