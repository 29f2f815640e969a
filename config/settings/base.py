"""What is true of every process, wherever it runs?"""

from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ

from config import env
from config.secret import server_secret
from config.settings.unfold import UNFOLD as UNFOLD

# Lets annotated Django classes (ModelAdmin[Offer]) be subscripted at run time too.
django_stubs_ext.monkeypatch()

ENVIRONMENT = env.read()
BASE_DIR = env.PROJECT

# --- this deployment ------------------------------------------------------------------------------
MERCH_HOME: Path = ENVIRONMENT.home  # files a process keeps: releases on disk, the secret, exports
MERCH_DEPLOYMENT: str = ENVIRONMENT.deployment  # stamped into releases, tokens and keys
MERCH_SECRET: bytes = server_secret(ENVIRONMENT.merch_secret, MERCH_HOME)
MERCH_TOKEN_KEYS: tuple[int, ...] = ENVIRONMENT.token_keys  # the first signs; the others still verify
MERCH_FRONT: bool = ENVIRONMENT.front  # POST /v1/decisions and /v1/events are answered before Django sees them
SECRET_KEY: str = ENVIRONMENT.secret_key or blake2b(b"django", key=MERCH_SECRET[:64]).hexdigest()
DEBUG: bool = ENVIRONMENT.debug
ALLOWED_HOSTS: list[str] = list(ENVIRONMENT.allowed_hosts)
CSRF_TRUSTED_ORIGINS: list[str] = list(ENVIRONMENT.csrf_trusted_origins)

# --- what is installed ----------------------------------------------------------------------------
INSTALLED_APPS = [
    # unfold replaces admin templates, so it stands before the admin
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.guardian",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "pgtrigger",
    "axes",
    "audiences.apps.AudiencesConfig",
    "experiments.apps.ExperimentsConfig",
    "campaigns.apps.CampaignsConfig",
    "merch.apps.MerchConfig",
    "config.apps.ProjectConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "merch.api.rest.pages.SqlGateMiddleware",  # before the first that asks PostgreSQL
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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

# --- the truth: one PostgreSQL --------------------------------------------------------------------
# Timeouts travel in the connection, not in a SET per request: a SET costs a round trip.
# A job that needs longer says SET LOCAL statement_timeout in its own transaction.
SQL_TIMEOUTS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}


# A machine that vanished says nothing: the kernel gives its connections up after this, not after hours.
SQL_KEEPALIVES = {
    "keepalives_idle": 10,  # seconds, as the next
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}


def database(url: str) -> dict[str, Any]:
    """The DATABASES entry for ``url``. Each thread keeps its connection: how many may use SQL, the gate says."""
    entry: dict[str, Any] = dict(environ.Env.db_url_config(url))
    options: dict[str, Any] = entry.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 2)
    options.setdefault("options", " ".join(f"-c {name}={value}" for name, value in SQL_TIMEOUTS.items()))
    for name, value in SQL_KEEPALIVES.items():
        options.setdefault(name, value)
    return entry | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


MERCH_SQL_DEADLINE = 1.0  # seconds a call at a door for machines may use SQL
MERCH_PAGE_SQL_DEADLINE = 10.0  # the same for a page of the admin
DATABASES = {"default": database(ENVIRONMENT.database_url or env.NO_DATABASE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the serving store and the broker: one Valkey -------------------------------------------------
REDIS_URL: str = ENVIRONMENT.redis_url or env.NO_REDIS
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}  # nothing important

# --- background work: Celery rings a bell, PostgreSQL keeps the list ------------------------------
CELERY_BROKER_URL: str = ENVIRONMENT.broker_url or env.NO_REDIS
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 25 * 60  # seconds
CELERY_TASK_TIME_LIMIT = 28 * 60
CELERY_TASK_PUBLISH_RETRY = False  # a lost bell is harmless, a blocked request is not
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_000_000  # KiB
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60 * 60,  # twice the longest task, or an unfinished one would be handed out again
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "socket_keepalive": True,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(MERCH_HOME / "beat-schedule")

# Every recurring task, in one table: {"name": {"task": "app.tasks.name", "schedule": timedelta(...)}}
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-subjects": {"task": "merch.sweep_subjects", "schedule": timedelta(seconds=5), "options": {"expires": 5}},
    "offline-kills": {
        "task": "merch.absorb_offline_kills",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "publish": {"task": "merch.publish_what_is_behind", "schedule": timedelta(seconds=5), "options": {"expires": 5}},
    "learn": {"task": "merch.learn", "schedule": timedelta(minutes=15), "options": {"expires": 900}},
    "rebuild-journeys": {
        "task": "merch.rebuild_journeys",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "prune-decisions": {"task": "merch.prune_decisions", "schedule": timedelta(hours=6), "options": {"expires": 3600}},
    "prepare-days": {"task": "merch.prepare_days", "schedule": timedelta(hours=1), "options": {"expires": 3600}},
    "start-due-run": {"task": "audiences.start_due_run", "schedule": timedelta(minutes=1), "options": {"expires": 60}},
    "work-runs": {"task": "audiences.work_runs", "schedule": timedelta(minutes=1), "options": {"expires": 60}},
    "sweep-exports": {"task": "audiences.sweep_exports", "schedule": timedelta(hours=1), "options": {"expires": 3600}},
    # Asked every hour, read once a UTC day: a scheduler that slept over midnight catches up.
    "read-out": {"task": "experiments.read_out_due", "schedule": timedelta(hours=1), "options": {"expires": 3600}},
}

# --- people who sign in ---------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ANONYMOUS_USER_NAME = None  # guardian: no row for nobody
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# --- doors for machines ---------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],  # each view says how; a session never opens a door for machines
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "URL_FORMAT_OVERRIDE": None,  # ?format= is a filter of placements, and answers have one form
    "EXCEPTION_HANDLER": "merch.api.rest.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Merch",
    "DESCRIPTION": "Decisions about what each listener sees, and the facts they rest on.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- words, time, files, logs ---------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = MERCH_HOME / "static"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"axes": {"level": "WARNING"}},
}
