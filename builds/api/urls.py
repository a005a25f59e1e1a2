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
from builds.api.openapi_views import OpenApi
from builds.api.views import unknown_route

# Words of the contract that are no numbers: they lead to their own address or, where that is to come, to none.
NO_WORD: Final = "(?!(?:latest|search|log|cancel|queue|names|count|server|source|registry|import|run)(?:/|$))"
SEQ: Final = "(?P<{}>" + NO_WORD + "[^/]+)"  # named as the documents name it, in snake_case
BUILD: Final = SEQ.format("build_seq")
RUN: Final = SEQ.format("build_run_seq")


def _route(tail: str, view: type[APIView], **names: Any) -> URLPattern:
    return re_path(rf"^{tail}/?\Z", view.as_view(), **names)


TAILS: Final = [
    _route("build", build_views.BuildListView),
    _route("build/names", build_views.BuildNamesView),
    _route("build/import", import_views.BuildImportView),
    _route("build/source/test", source_views.SourceTestView),
    _route("build/queue", run_views.QueueView),
    _route("build/count/(?P<account_seq>[^/]+)", build_views.BuildCountView),
    _route("build/queue/(?P<build_run_seq>[^/]+)/front", run_views.QueueFrontView),
    _route("build/server", connection_views.ServerListView),
    _route("build/server/(?P<build_server_seq>[^/]+)", connection_views.ServerDetailView),
    _route("build/server/(?P<build_server_seq>[^/]+)/test", connection_views.ServerTestView),
    _route("build/registry", connection_views.RegistryListView),
    _route("build/registry/(?P<external_registry_seq>[^/]+)", connection_views.RegistryDetailView),
    _route("build/registry/(?P<external_registry_seq>[^/]+)/test", connection_views.RegistryTestView),
    _route("build/run", run_views.RunListView),
    _route("build/run/latest", run_find_views.RunLatestView),
    _route("build/run/search", run_find_views.RunSearchView),
    _route("build/run/cancel/(?P<build_run_seq>[^/]+)", run_views.RunCancelView),
    _route("build/run/log/(?P<build_run_seq>[^/]+)", log_views.RunLogView),
    _route("build/run/log/step/(?P<build_step_run_seq>[^/]+)", log_views.StepLogView),
    _route("build/run/" + BUILD, run_views.RunDetailView),
    _route("build/run/" + RUN + "/lines", log_views.RunLinesView),
    _route("build/run/" + RUN + r"/log\.txt", log_views.RunTextView),
    _route("build/run/" + RUN + "/otherremoveruns", run_find_views.RunSiblingsView),
    _route("build/run/" + RUN + "/callbacks", callback_views.RunCallbacksView),
    _route("build/run/" + RUN + "/callbacks/(?P<number>[^/]+)/resend", callback_views.CallbackResendView),
    _route("build/run/" + RUN + "/push", run_views.RunPushView),
    _route("build/run/" + BUILD + "/tag", run_views.RunTagsView),
    _route("build/run/" + BUILD + "/(?P<build_run_seq>-?[0-9][^/]*)", run_views.RunOnceView),
    _route("build/run/" + RUN + "/export", import_views.RunExportView),
    _route("build/" + BUILD, build_views.BuildDetailView),
    _route("build/" + BUILD + "/images", build_views.BuildImagesView),
    _route(r"openapi\.json", OpenApi),
    re_path("", unknown_route),
]

urlpatterns = [
    path("v1/", include(TAILS)),
    path("api/", include(TAILS)),
    re_path(r"^(?:v1|api)\Z", unknown_route),
]
