"""Which address leads where?"""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/merch/decision/", include("merch.admin.decisions")),
    path("admin/merch/guarded/", include("merch.admin.guarded")),
    path("admin/", admin.site.urls),
    path("", include("merch.api.rest.urls")),
]

handler400 = "merch.api.rest.problems.bad_request"
handler403 = "merch.api.rest.problems.permission_denied"
handler404 = "merch.api.rest.problems.page_not_found"
handler500 = "merch.api.rest.problems.server_error"
