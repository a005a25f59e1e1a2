"""The addresses of the API. Fixed words stand before numbers; a trailing slash is accepted and not required.

`TAILS` are the same for both dialects (renderers.py).
"""

from typing import Any, Final

from django.urls import URLPattern, include, path, re_path
from rest_framework.views import APIView

from builds.api.views import builds, callbacks, connections, contexts, files, logs, run_finds, runs, sources
from builds.api.views.base import unknown_route
from builds.api.views.openapi import OpenApi

# Words of the contract that are no numbers: they lead to their own address or, where that is to come, to none.
NO_WORD: Final = "(?!(?:latest|search|log|cancel|queue|names|count|server|source|registry|import|run)(?:/|$))"
SEQ: Final = "(?P<{}>" + NO_WORD + "[^/]+)"  # named as the documents name it, in snake_case
BUILD: Final = SEQ.format("build_seq")
RUN: Final = SEQ.format("build_run_seq")


def _route(tail: str, view: type[APIView], **names: Any) -> URLPattern:
    return re_path(rf"^{tail}/?\Z", view.as_view(), **names)


TAILS: Final = [
    _route("build", builds.BuildListView),
    _route("build/names", builds.BuildNamesView),
    _route("build/import", files.BuildImportView),
    _route("build/source/test", sources.SourceTestView),
    _route("build/queue", runs.QueueView),
    _route("build/count/(?P<account_seq>[^/]+)", builds.BuildCountView),
    _route("build/queue/(?P<build_run_seq>[^/]+)/front", runs.QueueFrontView),
    _route("build/server", connections.ServerListView),
    _route("build/server/(?P<build_server_seq>[^/]+)", connections.ServerDetailView),
    _route("build/server/(?P<build_server_seq>[^/]+)/test", connections.ServerTestView),
    _route("build/registry", connections.RegistryListView),
    _route("build/registry/(?P<external_registry_seq>[^/]+)", connections.RegistryDetailView),
    _route("build/registry/(?P<external_registry_seq>[^/]+)/test", connections.RegistryTestView),
    _route("build/run", runs.RunListView),
    _route("build/run/latest", run_finds.RunLatestView),
    _route("build/run/search", run_finds.RunSearchView),
    _route("build/run/cancel/(?P<build_run_seq>[^/]+)", runs.RunCancelView),
    _route("build/run/log/(?P<build_run_seq>[^/]+)", logs.RunLogView),
    _route("build/run/log/step/(?P<build_step_run_seq>[^/]+)", logs.StepLogView),
    _route("build/run/" + BUILD, runs.RunDetailView),
    _route("build/run/" + RUN + "/lines", logs.RunLinesView),
    _route("build/run/" + RUN + "/hits", logs.RunHitsView),
    _route("build/run/" + RUN + "/sections", logs.RunSectionsView),
    _route("build/run/" + RUN + r"/log\.txt", logs.RunTextView),
    _route("build/run/" + RUN + "/otherremoveruns", run_finds.RunSiblingsView),
    _route("build/run/" + RUN + "/callbacks", callbacks.RunCallbacksView),
    _route("build/run/" + RUN + "/callbacks/(?P<n>[^/]+)/resend", callbacks.CallbackResendView),
    _route("build/run/" + RUN + "/push", runs.RunPushView),
    _route("build/run/" + BUILD + "/tag", runs.RunTagsView),
    _route("build/run/" + BUILD + "/(?P<build_run_seq>-?[0-9][^/]*)", runs.RunOnceView),
    _route("build/run/" + RUN + "/export", files.RunExportView),
    _route("build/" + BUILD, builds.BuildDetailView),
    _route("build/" + BUILD + "/images", builds.BuildImagesView),
    _route("build/" + BUILD + "/context", contexts.BuildContextView),
    _route(r"openapi\.json", OpenApi),
    re_path("", unknown_route),
]

urlpatterns = [
    path("v1/", include(TAILS)),
    path("api/", include(TAILS)),
    re_path(r"^(?:v1|api)\Z", unknown_route),
]
