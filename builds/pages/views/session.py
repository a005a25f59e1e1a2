"""Signing in and out."""

from django.contrib.auth import views
from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.templatetags.static import static


class SignIn(views.LoginView):
    """The sign-in page: fields `username` and `password`; who is signed in already goes on."""

    redirect_authenticated_user = True


def favicon(request: HttpRequest) -> HttpResponsePermanentRedirect:
    """Send browsers that ask for the old fixed address to the file."""
    return HttpResponsePermanentRedirect(static("img/favicon.ico"))
