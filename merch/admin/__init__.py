"""How do people see what is served, and who may call?"""

from django.contrib import admin

from merch.admin import journeys, keys, releases

admin.site.index_template = "merch/admin/home.html"

__all__ = ["journeys", "keys", "releases"]
