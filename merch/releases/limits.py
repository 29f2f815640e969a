"""Which caps, cooldowns and pressure hold for all campaigns together, as a release carries them?"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from campaigns.models import Cooldown, FrequencyCap, PlacementFormat, Pressure
from campaigns.proposal import cap_document, cooldown_document
from merch.engine.document import CapDoc, CooldownDoc, PressureDoc


class Shared(NamedTuple):
    """``costs``: what an impression of a format interrupts, where it does."""

    caps: tuple[CapDoc, ...]
    cooldowns: tuple[CooldownDoc, ...]
    pressure: PressureDoc | None
    costs: dict[str, int]


def read() -> Shared:
    """From the committed rows; four queries."""
    caps = FrequencyCap.objects.filter(campaign__isnull=True).order_by("pk")
    cooldowns = Cooldown.objects.filter(campaign__isnull=True).order_by("pk")
    pressure = Pressure.objects.first()
    costly = PlacementFormat.objects.filter(interruption_cost__gt=0)
    return Shared(
        caps=tuple(msgspec.convert(cap_document(cap), CapDoc) for cap in caps),
        cooldowns=tuple(msgspec.convert(cooldown_document(each), CooldownDoc) for each in cooldowns),
        pressure=_pressure(pressure) if pressure else None,
        costs={each.key: each.interruption_cost for each in costly},
    )


def _pressure(pressure: Pressure) -> PressureDoc:
    return PressureDoc(
        allowance=pressure.allowance,
        window=int(pressure.window.total_seconds()) * 1_000_000,
        shrink=pressure.shrink,
        least=pressure.least,
    )
