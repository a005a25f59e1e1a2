"""Django settings of BuildHub, read from the environment (docs/contract.md, "Environment" and "Limits")."""

import os
import secrets
import socket
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from buildhub import env, rules
from buildhub.database import database, running_url
from supervisor import place

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("BUILDHUB_DATA_DIR", str(BASE_DIR / "var"))).resolve()
env.load_dotenv(DATA_DIR / ".env")
if _problem := place.foreign(DATA_DIR, named=env.files_named()):
    raise env.wrong("BUILDHUB_DATA_DIR", _problem, value=str(DATA_DIR))
SETTINGS_FROM_FILE = env.FROM_FILE

DEBUG = env.flag("BUILDHUB_DEBUG", default=False)
PORT = env.number("PORT", 8000, minimum=1, maximum=65535)
BIND = env.text("BUILDHUB_BIND", "127.0.0.1", rule=rules.bind)
PUBLIC_URL = env.text("BUILDHUB_PUBLIC_URL", place.url_of(BIND, PORT), rule=rules.public_url).rstrip("/")
PUBLIC_SCHEME, PUBLIC_HOST = urlsplit(PUBLIC_URL).scheme, urlsplit(PUBLIC_URL).hostname or ""
DATABASE_URL = env.text("DATABASE_URL", rule=rules.database_url, hidden=True)
DATABASES = {"default": database(DATABASE_URL or running_url(DATA_DIR))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "builds.apps.BuildsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "pgtrigger",
    "axes",
]
MIDDLEWARE = [
    "builds.pages.middleware.RequestIdMiddleware",
    "builds.pages.middleware.no_store",
    "builds.api.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "buildhub.urls"
ASGI_APPLICATION = "buildhub.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # templates/django/forms before Django's own

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = [
    "builds.services.accounts.sign_in.SignInLimitBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Wrong passwords, at every door: what grows is the pause (builds/services/accounts/sign_in.py), the rest is set here.
AXES_HANDLER = "builds.services.accounts.sign_in.SignInHandler"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(days=1)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "builds.pages.views.session.locked"
AXES_CLIENT_IP_CALLABLE = "builds.services.accounts.sign_in.axes_address"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # builds/admin/sign_in.py
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next"]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

_SECURE = PUBLIC_SCHEME == "https"
ALLOWED_HOSTS = [f"[{PUBLIC_HOST}]" if ":" in PUBLIC_HOST else PUBLIC_HOST, "127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _SECURE
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _SECURE
# Scheme, host and client of a request are settled before Django sees it, by these alone (buildhub/proxies.py): Django's
# own SECURE_PROXY_SSL_HEADER and USE_X_FORWARDED_HOST believe everybody, and stay off.
TRUSTED_PROXIES = env.listed("BUILDHUB_TRUSTED_PROXIES", rule=rules.trusted_proxy)
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
BODY_SILENCE_SECONDS = 20.0  # then 408 (buildhub/bodies.py)
FILE_UPLOAD_TEMP_DIR = DATA_DIR  # where a body waits until it is whole, without a name: /tmp may be memory
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # the page of 64 steps has up to 18 fields each
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

CHANNEL_LAYERS: dict[str, Any] = {}

# Workers. django-q2 only carries run ids to a worker that BuildHub has chosen (builds/task_queue.py); all times below
# are huge on purpose: redelivery is the sweeper's business, a lease decides who may run (docs/engine-notes.md,
# "PostgreSQL, django-q2 and Channels").
WORKERS = env.number("BUILDHUB_WORKERS", os.cpu_count() or 1, minimum=1, maximum=256)
WORKER_HOST = env.text("BUILDHUB_WORKER_HOST", socket.gethostname())
TOPICS = env.listed("BUILDHUB_TOPICS", rule=rules.topic)
TOPICS_ONLY = env.flag("BUILDHUB_TOPICS_ONLY", default=False)  # set by `manage.py worker_host` for its programs
CLUSTER_WORKERS = {"builds": WORKERS, "service": 4}
CLUSTERS = ("builds",) if TOPICS_ONLY else tuple(CLUSTER_WORKERS)  # that this host runs
CLUSTER = env.word("BUILDHUB_CLUSTER", "builds", words=CLUSTERS)
Q_CLUSTER: dict[str, Any] = {
    "name": "buildhub",  # the salt that tasks are signed with: one for all
    "scheduler": False,
    "orm": "default",
    "broker_class": "builds.broker.PostgresBroker",
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 86_400 * 7,
    "retry": 86_400 * 14,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 500,
    "poll": 1,
    "ALT_CLUSTERS": {},
    "label": "Queue",
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "builds.api.authentication.TokenAuthentication",
        "builds.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["builds.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "builds.api.negotiation.AddressNegotiation",
    "EXCEPTION_HANDLER": "builds.api.exceptions.handle",
    "DEFAULT_THROTTLE_CLASSES": ["builds.api.throttling.TokenThrottle"],
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "builds.api.openapi.OperationSchema",
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "BuildHub",
    "VERSION": "1",
    "DESCRIPTION": (
        "Press Build, get a container image into your registry, and see truthfully what happened.\n\n"
        "Sign in with `Authorization: Bearer <token>`. Success is always 200. Every field of a model is always there; "
        "what is not known is `null`. Lists go on by key: follow `Link`, or send `after`. Send `Idempotency-Key` with "
        "a POST or PUT and repeat it as often as you like: it is done once. The guide with commands to copy is "
        "`docs/api.md`."
    ),
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/",
    "CAMELIZE_NAMES": True,  # of the numbers in addresses: build_seq is buildSeq
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,  # in the order of the routes, which is that of the contract
    "SORT_OPERATION_PARAMETERS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enum_id_removal"],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "A token of /account/tokens"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "The session of the pages; POST, PUT and DELETE need the header X-CSRFToken too",
            },
        }
    },
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # tests/contract asks for the document and for its warnings
}

DEFAULT_REGISTRY = env.text("BUILDHUB_REGISTRY", rule=rules.registry)
REGISTRY_USER = env.text("BUILDHUB_REGISTRY_USER", rule=rules.registry_user)
REGISTRY_PASSWORD = env.secret("BUILDHUB_REGISTRY_PASSWORD")
if REGISTRY_USER and not REGISTRY_PASSWORD:
    _problem = "it has no password: write that in BUILDHUB_REGISTRY_PASSWORD, or unset both."
    raise env.wrong("BUILDHUB_REGISTRY_USER", _problem, value=REGISTRY_USER)
if REGISTRY_PASSWORD and not REGISTRY_USER:
    raise env.wrong(
        "BUILDHUB_REGISTRY_PASSWORD", "it has no user: write that in BUILDHUB_REGISTRY_USER, or unset both."
    )
if REGISTRY_USER and not DEFAULT_REGISTRY:
    _problem = "the local registry has no login: name the registry in BUILDHUB_REGISTRY, or unset user and password."
    raise env.wrong("BUILDHUB_REGISTRY_USER", _problem, value=REGISTRY_USER)
ADMIN_USERNAME = env.text("BUILDHUB_ADMIN_USERNAME", "admin", rule=rules.admin_username)
ADMIN_PASSWORD = env.secret(
    "BUILDHUB_ADMIN_PASSWORD",
    rule=partial(rules.admin_password, username=ADMIN_USERNAME, validators=AUTH_PASSWORD_VALIDATORS),
)
DEFAULT_ENGINE = env.text("DOCKER_HOST", "unix:///var/run/docker.sock", rule=rules.docker_host)
OUTBOUND_ALLOW = env.listed("BUILDHUB_OUTBOUND_ALLOW", rule=rules.outbound)
LOG_LIMIT_BYTES = env.number("BUILDHUB_LOG_LIMIT_MB", 256, minimum=1, maximum=102_400) * 1024 * 1024
REPOSITORY_LIMIT_BYTES = env.number("BUILDHUB_REPOSITORY_LIMIT_MB", 2048, minimum=1, maximum=1_048_576) * 1024 * 1024
CONTEXT_LIMIT_BYTES = env.number("BUILDHUB_CONTEXT_LIMIT_MB", 2048, minimum=1, maximum=1_048_576) * 1024 * 1024
CONTEXT_STORE_BYTES = env.number("BUILDHUB_CONTEXT_STORE_MB", 10_240, minimum=1, maximum=104_857_600) * 1024 * 1024
TOOLS_IMAGE = env.text("BUILDHUB_TOOLS_IMAGE", rule=rules.image)
TASK_NETWORK = env.word("BUILDHUB_TASK_NETWORK", "bridge", words=("bridge", "none"))
TASK_MEMORY_BYTES = env.number("BUILDHUB_TASK_MEMORY_MB", 0, minimum=0, maximum=16_777_216) * 1024 * 1024
TASK_CPUS = env.number("BUILDHUB_TASK_CPUS", 0, minimum=0, maximum=4096)
TASK_PROCESSES = env.number("BUILDHUB_TASK_PROCESSES", 4096, minimum=0, maximum=4_194_304)
V1_ENVELOPE = env.flag("BUILDHUB_V1_ENVELOPE", default=False)
QUEUE_LIMIT = env.number("BUILDHUB_QUEUE_LIMIT", 10_000, minimum=1, maximum=10_000_000)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "docker": {"level": "WARNING"},
        "django-q": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}

# Last: where a value is wrong, nothing has been written.
_signing = env.secret("BUILDHUB_SECRET_KEY", rule=rules.secret_key)
_storing = env.secret("BUILDHUB_CREDENTIAL_KEYS", rule=rules.credential_keys)
try:
    SECRET_KEY = _signing or env.kept_secret(
        "BUILDHUB_SECRET_KEY", DATA_DIR / "secret-key", lambda: secrets.token_urlsafe(64), rule=rules.secret_key
    )
    CREDENTIAL_KEYS = _storing or env.kept_secret(
        "BUILDHUB_CREDENTIAL_KEYS",
        DATA_DIR / "credential-keys",
        lambda: Fernet.generate_key().decode(),
        rule=rules.credential_keys,
    )
except OSError as _error:
    _problem = place.unusable(DATA_DIR) or f"keys cannot be kept there ({_error.strerror}): {place.OTHER}"
    raise env.wrong("BUILDHUB_DATA_DIR", _problem, value=str(DATA_DIR)) from None
