"""Which cells of history does anything read, so that the bound must spare them?

Asked only when a record overflows.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audiences.history import history_reads
from campaigns.models import (
    Campaign,
    Cooldown,
    FrequencyCap,
    Guard,
    JourneyVersion,
    OfferVersion,
    Pressure,
    Step,
)
from experiments.models import Experiment
from merch.intake.cells import EXEMPT_TIERS

ANY = ""  # any key of the scope


class HistoryReads(Struct, frozen=True):
    """Every (scope, key, happening) that a cap or a rule names, live or draft; key "" stands for each one."""

    named: frozenset[tuple[str, str, str]]

    def covers(self, cell: str) -> bool:
        scope, _, rest = cell.partition("|")
        key, _, happening = rest.rpartition("|")
        return (scope, key, happening) in self.named or (scope, ANY, happening) in self.named

    @classmethod
    def now(cls) -> HistoryReads:
        """From the rows as they are; eleven queries."""
        named: set[tuple[str, str, str]] = set()
        if OfferVersion.objects.filter(redeem_limit__isnull=False).exists():
            named.add(("offer", ANY, "conversion"))
        for model in (FrequencyCap, Cooldown):
            for limit in model.objects.exclude(campaign__state="ENDED").select_related("campaign"):
                named |= _cells(limit)
        if Pressure.objects.exists():
            named |= {("format", ANY, "impression"), ("all", ANY, "dismissal")}
        for document in _rules():
            named |= history_reads(document)
        return cls(frozenset(named))


def _cells(limit: FrequencyCap | Cooldown) -> set[tuple[str, str, str]]:
    """Of one cap or cooldown; in an exempt tier a campaign's own counts the campaign's own."""
    campaign = limit.campaign
    if campaign is None:
        return {(limit.scope.lower(), limit.scope_key, limit.event)}
    own = ("campaign", campaign.key, limit.event)
    if limit.scope == "CAMPAIGN":
        return {own}
    if campaign.tier in EXEMPT_TIERS:
        return {own, ("surface", ANY, limit.event), (limit.scope.lower(), ANY, limit.event)}
    return {(limit.scope.lower(), ANY, limit.event)}


def _rules() -> list[Any]:
    return [
        *Campaign.objects.exclude(state="ENDED").values_list("rule", flat=True),
        *OfferVersion.objects.values_list("rule", flat=True),
        *Guard.objects.values_list("rule", flat=True),
        *Experiment.objects.values_list("rule", flat=True),
        *JourneyVersion.objects.values_list("gate", flat=True),
        *JourneyVersion.objects.values_list("exit_rule", flat=True),
        *Step.objects.values_list("rule", flat=True),
    ]
