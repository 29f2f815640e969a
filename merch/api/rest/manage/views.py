"""Which lists and rows does a manage key read?"""

from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ReadOnlyModelViewSet

from audiences.models import Audience
from campaigns.models import Campaign, Offer, Placement, Plan, Price
from experiments.models import Experiment
from merch.api.rest.auth import MANAGE_DOORS
from merch.api.rest.gated import GatedView
from merch.api.rest.manage import filters, serializers
from merch.api.rest.manage.pages import BoundedPages
from merch.api.rest.manage.visible import visible_to
from merch.api.rest.schema import READING, problems
from merch.models import Release

SLUG = "[a-z0-9][a-z0-9_-]{0,99}"


class ManageView(GatedView, ReadOnlyModelViewSet[Any]):
    """Rows that the key's person may see."""

    scopes = MANAGE_DOORS
    pagination_class = BoundedPages
    filter_backends = [filters.StrictFilters]
    lookup_field = "key"
    lookup_value_regex = SLUG
    rows: ClassVar[QuerySet[Any]]

    def get_queryset(self) -> QuerySet[Model]:
        return visible_to(self.request.user, self.rows.all())


V = TypeVar("V", bound=type[ManageView])


def managed(serializer: type[BaseSerializer[Any]]) -> Any:
    """A view of rows told by ``serializer``, with its operations documented."""

    def decorate(view: V) -> V:
        view.serializer_class = serializer  # type: ignore[misc]
        view.queryset = view.rows  # type: ignore[misc]  # only its model is read, by the schema
        decorated: V = extend_schema_view(
            list=extend_schema(tags=["Manage"], responses={200: serializer(many=True)} | problems(*READING, 404, 503)),
            retrieve=extend_schema(
                tags=["Manage"], responses={200: serializer} | problems(*READING, 404, 503), filters=False
            ),
        )(view)
        return decorated

    return decorate


@managed(serializers.PlanSerializer)
class PlanView(ManageView):
    rows = Plan.objects.select_related("group").order_by("key")
    filterset_class = filters.PlanFilters


@managed(serializers.PriceSerializer)
class PriceView(ManageView):
    rows = Price.objects.select_related("plan", "market").order_by("plan__key", "market__code", "effective", "pk")
    filterset_class = filters.PriceFilters
    lookup_field = "pk"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9]{1,18}"


@managed(serializers.OfferSerializer)
class OfferView(ManageView):
    rows = Offer.objects.select_related("plan").prefetch_related("versions").order_by("key")
    filterset_class = filters.OfferFilters


@managed(serializers.PlacementSerializer)
class PlacementView(ManageView):
    rows = (
        Placement.objects.select_related("format", "objective", "experiment")
        .prefetch_related("arms__variant")
        .order_by("rank", "slug")
    )
    filterset_class = filters.PlacementFilters
    lookup_field = "slug"


@managed(serializers.CampaignSerializer)
class CampaignView(ManageView):
    rows = (
        Campaign.objects.select_related("domain")
        .prefetch_related(
            "markets", "caps", "cooldowns", "items__placement", "items__offer", "items__creative", "items__experiment"
        )
        .order_by("key")
    )  # fmt: skip
    filterset_class = filters.CampaignFilters


@managed(serializers.AudienceSerializer)
class AudienceView(ManageView):
    rows = Audience.objects.order_by("slug")
    filterset_class = filters.AudienceFilters
    lookup_field = "slug"


@managed(serializers.ExperimentSerializer)
class ExperimentView(ManageView):
    rows = Experiment.objects.select_related("layer").prefetch_related("variants").order_by("key")
    filterset_class = filters.ExperimentFilters


@managed(serializers.ReleaseSerializer)
class ReleaseView(ManageView):
    rows = Release.objects.defer("document").prefetch_related("publications").order_by("-built_at", "digest")
    filterset_class = filters.ReleaseFilters
    lookup_field = "digest"
    lookup_value_regex = "sha256:[0-9a-f]{64}"
