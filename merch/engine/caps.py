"""Which counters must have room before this is shown?

Caps, cooldowns and pressure as they stand compiled in a release: questions to cells of a subject's history. What they
answer is in merch/engine/limiting.py; the rules, with tables, in docs/algorithms/caps.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from merch.engine.clock import DAY
from merch.engine.document import CampaignDoc, CapDoc, CooldownDoc, PressureDoc, ReleaseDoc
from merch.engine.facts import HistoryCell
from merch.engine.windows import Window

NEVER = HistoryCell()
IMPRESSION = "impression"


class Shown(NamedTuple):
    """What would be shown, as far as counters go."""

    campaign: str
    tier: str
    placement: str
    format: str
    offer: str | None  # its key
    exempt: bool
    interrupts: bool = False

    def cell(self, scope: str, scope_key: str, event: str, *, own: bool) -> str | None:
        """Which history cell counts for a limit of this scope; None where it does not cover this.

        An exempt tier leaves shared counters alone, so there a campaign's own limit counts the campaign's own.
        """
        if self.exempt and own and scope in _OF_ITS_OWN:
            scope = _OF_ITS_OWN[scope]
        keys = {
            "CAMPAIGN": self.campaign,
            "OFFER": self.offer,
            "PLACEMENT": self.placement,
            "FORMAT": self.format,
            "TIER": self.tier,
            "ALL": "",
            "INTERRUPT": "" if self.interrupts else None,
            "SURFACE": f"{self.campaign}@{self.placement}",
        }
        key = keys[scope]
        if key is None or (scope_key and scope_key != key):
            return None
        return f"{scope.lower()}|{key}|{event}"

    def touched(self) -> frozenset[str]:
        """The cells that its impression counts in."""
        own = ("CAMPAIGN", "TIER", "OFFER")
        scopes = (*own, "SURFACE") if self.exempt else (*own, "PLACEMENT", "FORMAT", "ALL", "INTERRUPT")
        cells = (self.cell(scope, "", IMPRESSION, own=False) for scope in scopes)
        return frozenset(cell for cell in cells if cell is not None)


_WHOLE = {"all": "everything", "interrupt": "what interrupts"}
_OF_ITS_OWN = {"PLACEMENT": "SURFACE", "FORMAT": "CAMPAIGN", "ALL": "CAMPAIGN", "INTERRUPT": "CAMPAIGN"}


class Cap(NamedTuple):
    """At most ``limit`` in a window."""

    cell: str
    limit: int
    window: Window
    strict: bool = False

    @property
    def of_impressions(self) -> bool:
        return self.cell.endswith(f"|{IMPRESSION}")


class Cooldown(NamedTuple):
    """Nothing for ``length`` microseconds after the last of the cell."""

    cell: str
    length: int

    @property
    def of_impressions(self) -> bool:
        return self.cell.endswith(f"|{IMPRESSION}")


class Limits(NamedTuple):
    """Everything that row 11 asks of one candidate's content."""

    caps: tuple[Cap, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()
    cost: int = 0
    pressed: PressureDoc | None = None  # where it interrupts and its tier is not exempt
    touched: frozenset[str] = frozenset()

    @property
    def strict(self) -> tuple[Cap, ...]:
        return tuple([cap for cap in self.caps if cap.strict]) if self.caps else ()

    @property
    def need_record(self) -> bool:
        """Besides the strict ones, whose counters are asked by name."""
        return any(not cap.strict for cap in self.caps) or bool(self.cooldowns) or self.pressed is not None

    @property
    def idle(self) -> bool:
        """Nothing to ask."""
        return not (self.caps or self.cooldowns or self.pressed)


def limits_of(release: ReleaseDoc, campaign: CampaignDoc, placement: str, offer: str | None) -> Limits:
    """What limits a candidate of this campaign in this placement, with this offer (key@version)."""
    doc = release.placements[placement]
    cost = doc.interruption_cost or release.costs.get(doc.format, 0)
    shown = Shown(
        campaign.key, campaign.tier, placement, doc.format, offer.partition("@")[0] if offer else None,
        campaign.tier in release.exempt_tiers, bool(cost),
    )  # fmt: skip
    shared = not shown.exempt
    caps = [_cap(cap, shown, own=True) for cap in campaign.caps]
    rests = [_cooldown(each, shown, own=True) for each in campaign.cooldowns]
    if shared:
        caps += [_cap(cap, shown, own=False) for cap in release.shared_caps]
        rests += [_cooldown(each, shown, own=False) for each in release.shared_cooldowns]
    return Limits(
        caps=tuple(cap for cap in caps if cap),
        cooldowns=tuple(each for each in rests if each),
        cost=cost if shared else 0,
        pressed=release.pressure if shared and cost else None,
        touched=shown.touched(),
    )


def _cap(cap: CapDoc, shown: Shown, *, own: bool) -> Cap | None:
    cell = shown.cell(cap.scope, cap.scope_key, cap.event, own=own)
    if cell is None:
        return None
    return Cap(cell, cap.limit, Window.of(cap.kind, cap.window, cap.unit), cap.strict and cap.event == IMPRESSION)


def _cooldown(cooldown: CooldownDoc, shown: Shown, *, own: bool) -> Cooldown | None:
    cell = shown.cell(cooldown.scope, cooldown.scope_key, cooldown.event, own=own)
    return Cooldown(cell, cooldown.length) if cell else None


def count_in(cell: HistoryCell, window: int | None, now: int) -> int:
    """Occurrences in (now - window, now], or ever; what happened exactly one window ago no longer counts."""
    if window is None:
        return cell.count
    after = now - window
    return sum(1 for instant in cell.instants if instant > after)


def borne(history: Mapping[str, HistoryCell], costs: Mapping[str, int], pressure: PressureDoc, now: int) -> int:
    """Interruption that the impressions of the window came to."""
    cells = ((history.get(f"format|{key}|{IMPRESSION}"), cost) for key, cost in costs.items() if cost)
    return sum(cost * count_in(cell, pressure.window, now) for cell, cost in cells if cell)


def allowed(history: Mapping[str, HistoryCell], pressure: PressureDoc, now: int) -> int:
    """What the subject bears after its dismissals of the window."""
    dismissals = count_in(history.get("all||dismissal", NEVER), pressure.window, now)
    return max(pressure.allowance - pressure.shrink * dismissals, pressure.least)


def eased(history: Mapping[str, HistoryCell], costs: Mapping[str, int], pressure: PressureDoc, now: int) -> list[int]:
    """When something leaves the window, ascending: the moments at which pressure may let go."""
    cells = [history.get(f"format|{key}|{IMPRESSION}", NEVER) for key, cost in costs.items() if cost]
    cells.append(history.get("all||dismissal", NEVER))
    ends = {instant + pressure.window for cell in cells for instant in cell.instants}
    return sorted(end for end in ends if end > now)


def counter_words(cell: str) -> str:
    """A cell as explain says it: impressions of campaign spring."""
    scope, _, rest = cell.partition("|")
    key, _, event = rest.rpartition("|")
    return f"{event}s of {_WHOLE.get(scope) or f'{scope} {key}'}"


def days_words(length: int) -> str:
    """A length as explain says it."""
    return f"{length / DAY:g} days"
