"""Addresses of the pages (surface.md, "Pages")."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter
from django.urls.converters import IntConverter

from builds.pages.views import builds, deeds, health, runs, session


class SeqConverter(IntConverter):
    """A number that fits a key: anything longer is no address."""

    regex = "[0-9]{1,18}"


register_converter(SeqConverter, "seq")

urlpatterns = [
    path("", builds.builds, name="builds"),
    path("builds/new", builds.new, name="new-build"),
    path("builds/<seq:build_seq>", builds.build, name="build"),
    path("builds/<seq:build_seq>/edit", builds.edit, name="edit-build"),
    path("builds/<seq:build_seq>/run", deeds.start_run, name="start-run"),
    path("builds/<seq:build_seq>/remove", deeds.remove_build, name="remove-build"),
    path("runs/<seq:run_seq>", runs.run, name="run"),
    path("runs/<seq:run_seq>/plain", runs.plain, name="plain-run"),
    path("runs/<seq:run_seq>/log.txt", runs.raw_log, name="raw-log"),
    path("runs/<seq:run_seq>/cancel", deeds.cancel_run, name="cancel-run"),
    path("runs/<seq:run_seq>/remove", deeds.remove_run, name="remove-run"),
    path("accounts/login/", session.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("favicon.ico", session.favicon, name="favicon"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
