"""What uvicorn serves: HTTP by Django, sockets by Channels.

The sockets check session, token and Origin themselves (builds/live/credentials.py), as they do it again while open.
"""

import os

from channels.routing import ProtocolTypeRouter, URLRouter  # type: ignore[import-untyped]
from channels.sessions import CookieMiddleware  # type: ignore[import-untyped]
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "buildhub.settings")
http = get_asgi_application()  # sets Django up: what imports models comes after it

from builds.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": CookieMiddleware(URLRouter(websocket_urlpatterns))})
