"""Has it been shown enough?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from merch.engine.document import CampaignDoc, CapDoc, ItemDoc, PlacementDoc
from merch.engine.facts import HistoryCell

NEVER = HistoryCell()


class Cap(NamedTuple):
    """One cap as a question to the history: at most ``limit`` in the last ``window`` microseconds (None: ever)."""

    cell: str
    limit: int
    window: int | None

    @property
    def sentence(self) -> str:
        """As explain shows it."""
        length = "ever" if self.window is None else f"in {self.window / 86_400_000_000:g} days"
        return f"{self.limit} of {self.cell} {length}"


def cell_of(cap: CapDoc, campaign: CampaignDoc, item: ItemDoc, placement: PlacementDoc) -> str | None:
    """Which history cell counts for this cap and candidate; None where the cap does not cover it."""
    offer = item.offer.partition("@")[0] if item.offer else None
    keys = {
        "CAMPAIGN": ("campaign", campaign.key),
        "OFFER": ("offer", offer),
        "PLACEMENT": ("placement", item.placement),
        "FORMAT": ("format", placement.format),
        "TIER": ("tier", campaign.tier),
        "ALL": ("all", ""),
    }
    scope, key = keys[cap.scope]
    if key is None or (cap.scope_key and cap.scope_key != key):
        return None
    return f"{scope}|{key}|{cap.event}"


def count_in(cell: HistoryCell, window: int | None, now: int) -> int:
    """Occurrences in (now - window, now]; what happened exactly one window ago no longer counts."""
    if window is None:
        return cell.count
    after = now - window
    return sum(1 for instant in cell.instants if instant > after)


def spent(caps: tuple[Cap, ...], history: Mapping[str, HistoryCell], now: int) -> Cap | None:
    """The first cap that is used up, or None."""
    for cap in caps:
        cell = history.get(cap.cell, NEVER)
        if cell.count >= cap.limit and count_in(cell, cap.window, now) >= cap.limit:
            return cap
    return None
