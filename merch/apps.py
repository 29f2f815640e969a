"""How does Django know the merch package?"""

from django.apps import AppConfig


class MerchConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "merch"
