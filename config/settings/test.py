"""What differs under the test suite? (Each xdist worker has its own database and its own Valkey database.)"""

from urllib.parse import urlsplit

from config import env
from config.settings.base import *  # noqa: F403
from config.settings.base import ENVIRONMENT, database


def redis_of_worker(url: str, worker: int | None) -> str:
    """The logical database of one test process: after the one that ``url`` names, which a demo may be using.

    A server has 16, so at most 14 workers. Tests empty theirs.
    """
    parts = urlsplit(url)
    first = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{first + 1 + (0 if worker is None else worker + 1)}").geturl()


ALLOWED_HOSTS = ["*"]
MERCH_DEPLOYMENT = "test"
DATABASES = {"default": database(ENVIRONMENT.database_url or env.NO_DATABASE)}
# A machine that also runs other things may be slow; what the deadline does is tested where it is given.
MERCH_SQL_DEADLINE = 20.0
REDIS_URL = redis_of_worker(ENVIRONMENT.redis_url or env.NO_REDIS, ENVIRONMENT.xdist_worker)
CELERY_BROKER_URL = REDIS_URL
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
AXES_ENABLED = False  # a test of the throttle turns it on
