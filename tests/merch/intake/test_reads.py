"""Does a record keep every counter that something reads, and no other, when it overflows?"""

from __future__ import annotations

import pytest

from campaigns.models import Pressure
from merch.intake.reads import HistoryReads
from tests.factories import CampaignFactory, CooldownFactory, FrequencyCapFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("tier", "scope", "read"),
    [
        ("COMMERCIAL", "CAMPAIGN", "campaign|spring|impression"),
        ("COMMERCIAL", "PLACEMENT", "placement|home|impression"),
        ("COMMERCIAL", "ALL", "all||impression"),
        ("SERVICE", "PLACEMENT", "surface|spring@home|impression"),
        ("SERVICE", "ALL", "campaign|spring|impression"),
    ],
)
def test_what_a_campaigns_cap_counts_is_kept(tier: str, scope: str, read: str) -> None:
    FrequencyCapFactory(campaign=CampaignFactory(key="spring", tier=tier), scope=scope)

    assert HistoryReads.now().covers(read)
    assert not HistoryReads.now().covers(read.replace("impression", "click"))


def test_what_cooldowns_and_pressure_count_is_kept() -> None:
    assert not HistoryReads.now().covers("format|full-screen|impression")

    CooldownFactory(campaign=CampaignFactory(key="spring"))
    CooldownFactory(shared=True, scope_key="card")
    Pressure.objects.create(allowance=10)

    reads = HistoryReads.now()
    cells = ("campaign|spring|dismissal", "format|card|dismissal", "format|hero|impression", "all||dismissal")
    assert all(reads.covers(cell) for cell in cells)
    assert not reads.covers("format|hero|dismissal")
