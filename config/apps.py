"""What must be loaded with Django itself?"""

from django.apps import AppConfig

# Loaded with Django so that a task sent from anywhere finds our broker, not Celery's default one.
from config.celery import app as celery_app

__all__ = ["ProjectConfig", "celery_app"]


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = "Merch"
