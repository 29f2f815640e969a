"""What differs on a developer's machine and in the demo?"""

from config.settings.base import *  # noqa: F403
from config.settings.base import ALLOWED_HOSTS, UNFOLD

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "localhost", "127.0.0.1", "[::1]"]
WHITENOISE_USE_FINDERS = True  # no collectstatic needed to see the admin
UNFOLD = UNFOLD | {"ENVIRONMENT": "config.admin_badge.local"}
