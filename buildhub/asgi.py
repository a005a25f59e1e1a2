"""What uvicorn serves: HTTP by Django, sockets by Channels, both behind the door that knows trusted proxies.

The sockets check session, token and Origin themselves (builds/live/credentials.py), as they do it again while open.
"""

import os
import warnings

from channels.routing import ProtocolTypeRouter, URLRouter  # type: ignore[import-untyped]
from channels.sessions import CookieMiddleware  # type: ignore[import-untyped]
from django.core.asgi import get_asgi_application

# WhiteNoise reads static files with a plain iterator, which Django moves to a thread and warns of once. The files are
# small; the log is streamed asynchronously. Goes when WhiteNoise answers asynchronously by itself.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "buildhub.settings")
http = get_asgi_application()  # sets Django up: what imports models comes after it

from django.conf import settings  # noqa: E402

from buildhub.bodies import BodyLimits  # noqa: E402
from buildhub.proxies import TrustedProxies  # noqa: E402
from builds.routing import websocket_urlpatterns  # noqa: E402

sockets = CookieMiddleware(URLRouter(websocket_urlpatterns))
application = TrustedProxies(
    BodyLimits(ProtocolTypeRouter({"http": http, "websocket": sockets})), settings.TRUSTED_PROXIES
)
