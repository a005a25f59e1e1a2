"""All addresses: the app's own, and Django's admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("builds.urls")),
]
handler400 = "builds.pages.views.unreadable.unreadable"
