"""The addresses of the API. Fixed words stand before numbers; a trailing slash is accepted and not required.

`TAILS` are the same for both dialects (renderers.py).
"""

from typing import Any, Final

from django.urls import URLPattern, include, path, re_path
from rest_framework.views import APIView

from builds.api import (
    build_views,
    callback_views,
    connection_views,
    import_views,
    log_views,
    run_find_views,
    run_views,
    source_views,
)
from builds.api.schema.views import OpenApi
from builds.api.views import unknown_route

# Words of the contract that are no numbers: they lead to their own address or, where that is to come, to none.
NO_WORD: Final = "(?!(?:latest|search|log|cancel|queue|names|count|server|source|registry|import|run)(?:/|$))"
SEQ: Final = NO_WORD + "(?P<{}>[^/]+)"


def _route(tail: str, view: type[APIView], **names: Any) -> URLPattern:
    return re_path(rf"^{tail}/?\Z", view.as_view(), **names)


TAILS: Final = [
    _route("build", build_views.BuildList),
    _route("build/names", build_views.BuildNames),
    _route("build/import", import_views.BuildImport),
    _route("build/source/test", source_views.SourceTest),
    _route("build/queue", run_views.Queue),
    _route("build/count/(?P<account_seq>[^/]+)", build_views.BuildCount),
    _route("build/queue/(?P<seq>[^/]+)/front", run_views.QueueFront),
    _route("build/server", connection_views.ServerList),
    _route("build/server/(?P<seq>[^/]+)", connection_views.ServerDetail),
    _route("build/server/(?P<seq>[^/]+)/test", connection_views.ServerTest),
    _route("build/registry", connection_views.RegistryList),
    _route("build/registry/(?P<seq>[^/]+)", connection_views.RegistryDetail),
    _route("build/registry/(?P<seq>[^/]+)/test", connection_views.RegistryTest),
    _route("build/run", run_views.RunList),
    _route("build/run/latest", run_find_views.RunLatest),
    _route("build/run/search", run_find_views.RunSearch),
    _route("build/run/cancel/(?P<seq>[^/]+)", run_views.RunCancel),
    _route("build/run/log/(?P<seq>[^/]+)", log_views.RunLog),
    _route("build/run/log/step/(?P<seq>[^/]+)", log_views.StepLog),
    _route("build/run/" + SEQ.format("seq"), run_views.RunDetail),
    _route("build/run/" + SEQ.format("seq") + "/lines", log_views.RunLines),
    _route("build/run/" + SEQ.format("seq") + r"/log\.txt", log_views.RunText),
    _route("build/run/" + SEQ.format("seq") + "/otherremoveruns", run_find_views.RunSiblings),
    _route("build/run/" + SEQ.format("seq") + "/callbacks", callback_views.RunCallbacks),
    _route("build/run/" + SEQ.format("seq") + "/callbacks/(?P<number>[^/]+)/resend", callback_views.CallbackResend),
    _route("build/run/" + SEQ.format("seq") + "/push", run_views.RunPush),
    _route("build/run/" + SEQ.format("seq") + "/tag", run_views.RunTags),
    _route("build/run/" + SEQ.format("seq") + "/(?P<run_seq>-?[0-9][^/]*)", run_views.RunOnce),
    _route("build/run/" + SEQ.format("seq") + "/export", import_views.RunExport),
    _route("build/" + SEQ.format("build_seq"), build_views.BuildDetail),
    _route("build/" + SEQ.format("build_seq") + "/images", build_views.BuildImages),
    _route(r"openapi\.json", OpenApi),
    re_path("", unknown_route),
]

urlpatterns = [
    path("v1/", include(TAILS)),
    path("api/", include(TAILS)),
    re_path(r"^(?:v1|api)\Z", unknown_route),
]
