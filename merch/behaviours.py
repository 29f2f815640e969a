"""Which behaviours do the rules of all apps read, and does each have a bit that the next run will fill?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from audiences.membership import ensure_documents
from campaigns.lifecycle import State
from campaigns.models import Campaign, Guard, OfferVersion
from experiments.models import Experiment

OVER = (Experiment.State.STOPPED, Experiment.State.CONCLUDED)


def ensure_behaviours() -> dict[str, int]:
    """Positions by digest of everything that campaigns, offers, guards and experiments may ask; new ones are allocated.

    Audiences bring their own into each run.
    """
    return ensure_documents(_rules())


def _rules() -> Iterator[Mapping[str, Any]]:
    yield from chain(
        Campaign.objects.exclude(state=State.ENDED).values_list("rule", flat=True),
        OfferVersion.objects.values_list("rule", flat=True),
        Guard.objects.filter(active=True).values_list("rule", flat=True),
        Experiment.objects.exclude(state__in=OVER).values_list("rule", flat=True),
    )
