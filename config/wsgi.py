"""Which callable does a web server run?"""

import signal
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import env
from config.supervision import die_with_parent

env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.production")
application: Callable[..., Any] = get_wsgi_application()
if settings.MERCH_FRONT:
    application = import_module("merch.api.rest.front").Front(application)

# A worker whose server was killed would go on answering on the same port, beside the worker of the next one.
die_with_parent(signal.SIGTERM)

# Only once Django is set up; a worker holds its release and a connection to the serving store before its first call,
# and what a killed one never wrote is counted.
import_module("merch.releases.serving").current()
import_module("merch.subjects.store").store.warm()
import_module("merch.recording").recorder.begin()
