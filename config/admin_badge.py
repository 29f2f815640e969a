"""Which badge does the admin wear, so that nobody mistakes one deployment for another?"""

from django.conf import settings
from django.http import HttpRequest


def local(request: HttpRequest) -> list[str]:
    """unfold's ENVIRONMENT callback: the label and its colour."""
    return [settings.MERCH_DEPLOYMENT, "info"]
