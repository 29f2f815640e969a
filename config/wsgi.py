"""Which callable does a web server run?"""

from django.core.wsgi import get_wsgi_application

from config import env

env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.production")
application = get_wsgi_application()
