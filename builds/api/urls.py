"""The addresses of the API. Fixed words stand before numbers; a trailing slash is accepted and not required.

`TAILS` are the same for every dialect: a further one includes them under its own prefix (dialects.py).
"""

from typing import Any, Final

from django.urls import URLPattern, include, path, re_path
from rest_framework.views import APIView

from builds.api import build_views, log_views, run_views
from builds.api.views import unknown_route

# Words of the contract that are no numbers: they lead to their own address or, where that is to come, to none.
NO_WORD: Final = "(?!(?:latest|search|log|cancel|queue|names|count|server|registry|import|run)(?:/|$))"
SEQ: Final = NO_WORD + "(?P<{}>[^/]+)"


def _route(tail: str, view: type[APIView], **names: Any) -> URLPattern:
    return re_path(rf"^{tail}/?\Z", view.as_view(), **names)


TAILS: Final = [
    _route("build", build_views.BuildList),
    _route("build/names", build_views.BuildNames),
    _route("build/queue", run_views.Queue),
    _route("build/count/(?P<account_seq>[^/]+)", build_views.BuildCount),
    _route("build/run", run_views.RunList),
    _route("build/run/cancel/(?P<seq>[^/]+)", run_views.RunCancel),
    _route("build/run/log/(?P<seq>[^/]+)", log_views.RunLog),
    _route("build/run/" + SEQ.format("seq"), run_views.RunDetail),
    _route("build/run/" + SEQ.format("seq") + "/lines", log_views.RunLines),
    _route("build/run/" + SEQ.format("seq") + r"/log\.txt", log_views.RunText),
    _route("build/" + SEQ.format("build_seq"), build_views.BuildDetail),
    re_path("", unknown_route),
]

urlpatterns = [path("v1/", include(TAILS)), re_path(r"^v1\Z", unknown_route)]
