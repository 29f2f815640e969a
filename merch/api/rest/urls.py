"""Which address is which door for machines?"""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from merch.api.rest import health
from merch.api.rest.decisions import DecisionsView
from merch.api.rest.events import EventsView
from merch.api.rest.grants import GrantsView, GrantView
from merch.api.rest.manage import views as manage
from merch.api.rest.placements import FallbacksView, PlacementDecisionView
from merch.api.rest.problems import refusal
from merch.api.rest.recorded import ExplainView, RecordedDecisionView
from merch.api.rest.subjects import SubjectsBatchView, SubjectView
from merch.api.rest.suppressions import SuppressionView

SCHEMA_KEPT = 60 * 60  # seconds; it changes only with the code, and takes long to make


@csrf_exempt
def nothing_here(request: HttpRequest, path: str = "") -> HttpResponse:
    """Everything else under /v1/: a problem, never Django's page or its redirect to another spelling."""
    return refusal(Http404(), "nothing_here").response()


router = SimpleRouter(trailing_slash=False)
router.register("plans", manage.PlanView, "manage-plan")
router.register("prices", manage.PriceView, "manage-price")
router.register("offers", manage.OfferView, "manage-offer")
router.register("placements", manage.PlacementView, "manage-placement")
router.register("campaigns", manage.CampaignView, "manage-campaign")
router.register("audiences", manage.AudienceView, "manage-audience")
router.register("experiments", manage.ExperimentView, "manage-experiment")
router.register("releases", manage.ReleaseView, "manage-release")

v1: list[URLPattern | URLResolver] = [
    path("decisions", DecisionsView.as_view(), name="decisions"),
    path("decisions/<uuid:decision_id>", RecordedDecisionView.as_view(), name="decision"),
    path("decisions/<uuid:decision_id>/explain", ExplainView.as_view(), name="explain"),
    path("placements/fallbacks", FallbacksView.as_view(), name="fallbacks"),
    path("placements/<str:slug>/decision", PlacementDecisionView.as_view(), name="placement-decision"),
    path("events", EventsView.as_view(), name="events"),
    path("subjects:batch", SubjectsBatchView.as_view(), name="subjects-batch"),
    path("subjects/<str:account_id>", SubjectView.as_view(), name="subject"),
    path("subjects/<str:account_id>/suppressions/<str:key>", SuppressionView.as_view(), name="suppression"),
    path("subjects/<str:account_id>/grants", GrantsView.as_view(), name="grants"),
    path("subjects/<str:account_id>/grants/<str:key>", GrantView.as_view(), name="grant"),
    path("manage/", include(router.urls)),
    path("schema", cache_page(SCHEMA_KEPT)(SpectacularAPIView.as_view(authentication_classes=[])), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[]), name="docs"),
    re_path(r"^(?P<path>.*)$", nothing_here),
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_page, name="metrics"),
    path("v1/", include(v1)),
]
