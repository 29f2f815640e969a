"""Which callable does a web server run?"""

from importlib import import_module

from django.core.wsgi import get_wsgi_application

from config import env

env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.production")
application = get_wsgi_application()

# Only once Django is set up; a worker holds its release and a connection to the serving store before its first call.
import_module("merch.releases.serving").current()
import_module("merch.subjects.store").store.warm()
