"""Has every behaviour that some rule reads a bit of its own, so that the next run can fill it?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audiences.membership import ensure_documents
from campaigns.lifecycle import State
from campaigns.models import Campaign, Guard, JourneyVersion, OfferVersion, Step
from experiments.models import Experiment


def ensure() -> None:
    """Allocate what is missing, over all rules that may decide: also those of drafts, so that they can be launched."""
    ensure_documents(_documents())


def _documents() -> Iterable[dict[str, Any]]:
    """Every stored rule that is not empty; seven queries."""
    yield from Campaign.objects.exclude(state=State.ENDED).exclude(rule={}).values_list("rule", flat=True)
    yield from OfferVersion.objects.exclude(rule={}).values_list("rule", flat=True)
    yield from Guard.objects.exclude(rule={}).values_list("rule", flat=True)
    yield from Experiment.objects.exclude(rule={}).values_list("rule", flat=True)
    for field in ("gate", "exit_rule"):
        yield from JourneyVersion.objects.exclude(**{field: {}}).values_list(field, flat=True)
    yield from Step.objects.exclude(rule={}).values_list("rule", flat=True)
