"""What differs where real listeners are served? (Nothing is guessed; all that is missing is named.)"""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *  # noqa: F403
from config.settings.base import ENVIRONMENT

REQUIRED = {
    "DATABASE_URL": ENVIRONMENT.database_url,
    "REDIS_URL": ENVIRONMENT.redis_url,
    "SECRET_KEY": ENVIRONMENT.secret_key,
    "MERCH_SECRET": ENVIRONMENT.merch_secret,
    "ALLOWED_HOSTS": ENVIRONMENT.allowed_hosts,
}
if missing := [name for name, value in REQUIRED.items() if not value]:
    raise ImproperlyConfigured(f"Set {', '.join(missing)} in the environment, or use config.settings.local.")

DEBUG = False
SECURE_SSL_REDIRECT = True
# A load balancer asks these in plain HTTP, inside the network.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
