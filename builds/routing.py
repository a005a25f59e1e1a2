"""The addresses of the sockets."""

from typing import Any

from django.urls import path, re_path

from builds.live.consumers import RunConsumer, RunsConsumer, UnknownConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/runs/<int:run_id>", RunConsumer.as_asgi()),
    path("ws/builds", RunsConsumer.as_asgi()),
    re_path("", UnknownConsumer.as_asgi()),
]
