"""By what may lists be narrowed? (A closed set of names, each mapped here to what it asks of the database.)"""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.request import Request
from rest_framework.views import APIView

from audiences.models import Audience
from audiences.tiers import Tier
from campaigns.lifecycle import State
from campaigns.models import Mechanic, Price
from experiments.models import Experiment
from merch.api.rest.problems import FieldError, bad_fields

PAGING = frozenset({"page", "page_size"})


class StrictFilters(filters.DjangoFilterBackend):
    """Refuses a parameter it does not know: a misspelt filter must not answer with everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        if getattr(view, "detail", False):
            known: set[str] = set()
        else:
            known = PAGING | getattr(view, "filterset_class").get_filters().keys()  # noqa: B009 - views of DRF have none
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            sentence = f"Use one of: {', '.join(sorted(known))}." if known else "There are none here."
            raise bad_fields(FieldError(name[:128], "unknown_parameter", sentence) for name in unknown[:20])
        narrowed: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return narrowed


def key(field: str, *, distinct: bool = False) -> filters.CharFilter:
    return filters.CharFilter(field_name=field, max_length=100, distinct=distinct)


def choice(field: str, values: Any) -> filters.ChoiceFilter:
    names = [str(value) for value in values]
    said = {"invalid_choice": f"Use one of: {', '.join(names)}."}
    return filters.ChoiceFilter(field_name=field, choices=[(name, name) for name in names], error_messages=said)


def yes_or_no(field: str) -> filters.TypedChoiceFilter:
    words = [("true", "true"), ("false", "false")]
    return filters.TypedChoiceFilter(field_name=field, choices=words, coerce=lambda word: word == "true")


class UtcField(IsoDateTimeField):
    """A moment in UTC: Python knows offsets of up to 24 hours, PostgreSQL only of up to 16."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment: datetime | None = super().to_python(value)
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("Use a moment of the years 1 to 9999, in UTC.", code="invalid") from error


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = UtcField


class PlanFilters(filters.FilterSet):
    group = key("group__key")


class PriceFilters(filters.FilterSet):
    plan = key("plan__key")
    market = key("market__code")
    at = MomentFilter(method="effective_at")

    def effective_at(self, rows: QuerySet[Price], name: str, moment: datetime) -> QuerySet[Price]:
        return rows.filter(effective__contains=moment)


class OfferFilters(filters.FilterSet):
    plan = key("plan__key")
    mechanic = choice("mechanic", Mechanic.values)
    archived = yes_or_no("archived")


class PlacementFilters(filters.FilterSet):
    format = key("format__key")


class CampaignFilters(filters.FilterSet):
    state = choice("state", [state.value for state in State])
    tier = choice("tier", [tier.value for tier in Tier])
    domain = key("domain__key")
    market = key("markets__code", distinct=True)
    placement = key("items__placement__slug", distinct=True)
    offer = key("items__offer__key", distinct=True)
    experiment = key("items__experiment__key", distinct=True)
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")


class AudienceFilters(filters.FilterSet):
    kind = choice("kind", Audience.Kind.values)
    archived = yes_or_no("archived")


class ExperimentFilters(filters.FilterSet):
    state = choice("state", Experiment.State.values)
    assignment = choice("assignment", Experiment.AssignedBy.values)
    layer = key("layer__key")


class ReleaseFilters(filters.FilterSet):
    built_since = MomentFilter(field_name="built_at", lookup_expr="gte")
