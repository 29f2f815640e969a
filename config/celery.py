"""How does background work reach its workers?"""

from celery import Celery

from config import env

# A worker started by hand on a server must never fall back to a developer's settings.
env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.production")

app = Celery("merch")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
