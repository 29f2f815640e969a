"""What is told of each row? (Named fields only; what others refer to by key is shown by key.)"""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audiences.models import Audience
from campaigns.models import (
    Campaign,
    CampaignItem,
    Cooldown,
    FrequencyCap,
    Offer,
    OfferVersion,
    Placement,
    PlacementArm,
    Plan,
    Price,
)
from experiments.models import Experiment, Variant
from merch.models import Publication, Release


@extend_schema_field({"type": "string", "example": "2026-11-22T09:00:00", "description": "Wall time, without a zone."})
class WallTime(serializers.Field):  # type: ignore[type-arg]
    """A wall time as it is; the zone stands beside it."""

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


def by(slug: str, *, many: bool = False, nullable: bool = False) -> Any:
    """The key of what a row refers to."""
    return serializers.SlugRelatedField(slug_field=slug, read_only=True, many=many, allow_null=nullable)


class PlanSerializer(serializers.ModelSerializer[Plan]):
    group = by("key")

    class Meta:
        model = Plan
        fields = ("key", "name", "group", "rank")


class PriceSerializer(serializers.ModelSerializer[Price]):
    plan = by("key")
    market = by("code")
    effective_from = serializers.DateTimeField(source="effective.lower", allow_null=True, read_only=True)
    effective_to = serializers.DateTimeField(source="effective.upper", allow_null=True, read_only=True)

    class Meta:
        model = Price
        fields = ("id", "plan", "market", "amount", "currency", "period", "effective_from", "effective_to")


class OfferVersionSerializer(serializers.ModelSerializer[OfferVersion]):
    class Meta:
        model = OfferVersion
        fields = (
            "number", "state", "terms", "rule", "requires", "redeem_limit", "redeem_window_days",
            "redeem_window_months", "published_at",
        )  # fmt: skip


class OfferSerializer(serializers.ModelSerializer[Offer]):
    plan = by("key", nullable=True)
    versions = OfferVersionSerializer(many=True, read_only=True)

    class Meta:
        model = Offer
        fields = ("key", "name", "mechanic", "plan", "archived", "versions")


class PlacementArmSerializer(serializers.ModelSerializer[PlacementArm]):
    variant = by("key")

    class Meta:
        model = PlacementArm
        fields = ("variant", "strategy", "formula", "draw_window", "exploration")


class PlacementSerializer(serializers.ModelSerializer[Placement]):
    format = by("key")
    objective = by("name", nullable=True)
    experiment = by("key", nullable=True)
    arms = PlacementArmSerializer(many=True, read_only=True)

    class Meta:
        model = Placement
        fields = (
            "slug", "name", "format", "rank", "slots", "strategy", "formula", "draw_window", "exploration", "objective",
            "experiment", "arms", "max_age", "when_degraded",
        )  # fmt: skip


class CampaignItemSerializer(serializers.ModelSerializer[CampaignItem]):
    placement = by("slug")
    offer = by("key", nullable=True)
    creative = by("key")
    experiment = by("key", nullable=True)

    class Meta:
        model = CampaignItem
        fields = ("key", "placement", "offer", "creative", "weight", "experiment")


class FrequencyCapSerializer(serializers.ModelSerializer[FrequencyCap]):
    seconds = serializers.SerializerMethodField(help_text="Length of a rolling window.")

    class Meta:
        model = FrequencyCap
        fields = ("scope", "event", "limit", "window", "seconds", "unit", "strict")

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_seconds(self, cap: FrequencyCap) -> int | None:
        return None if cap.length is None else int(cap.length.total_seconds())


class CooldownSerializer(serializers.ModelSerializer[Cooldown]):
    seconds = serializers.SerializerMethodField(help_text="How long it rests.")

    class Meta:
        model = Cooldown
        fields = ("scope", "event", "seconds")

    def get_seconds(self, cooldown: Cooldown) -> int:
        return int(cooldown.length.total_seconds())


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    domain = by("key", nullable=True)
    markets = by("code", many=True)
    starts = WallTime(read_only=True)
    ends = WallTime(read_only=True, allow_null=True)
    items = CampaignItemSerializer(many=True, read_only=True)
    caps = FrequencyCapSerializer(many=True, read_only=True)
    cooldowns = CooldownSerializer(many=True, read_only=True)

    class Meta:
        model = Campaign
        fields = (
            "key", "name", "goal", "state", "domain", "tier", "priority", "markets", "rule", "starts", "ends",
            "time_zone", "fallback", "items", "caps", "cooldowns", "created_at", "updated_at",
        )  # fmt: skip


class AudienceSerializer(serializers.ModelSerializer[Audience]):
    class Meta:
        model = Audience
        fields = ("slug", "name", "description", "kind", "rule", "archived", "created_at")


class VariantSerializer(serializers.ModelSerializer[Variant]):
    class Meta:
        model = Variant
        fields = ("key", "name", "weight", "is_control", "propensity")


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    layer = by("key", nullable=True)
    variants = VariantSerializer(many=True, read_only=True)

    class Meta:
        model = Experiment
        fields = (
            "key", "name", "hypothesis", "kind", "assignment", "layer", "version", "rule", "state", "started_at",
            "ended_at", "conclusion", "variants", "created_at",
        )  # fmt: skip


class PublicationSerializer(serializers.ModelSerializer[Publication]):
    class Meta:
        model = Publication
        fields = ("number", "at", "why", "rollback")


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    publications = PublicationSerializer(many=True, read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="Bytes of canonical JSON.")

    class Meta:
        model = Release
        fields = ("digest", "revision", "built_at", "size", "campaigns", "candidates", "publications")
