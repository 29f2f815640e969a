"""How do caps, cooldowns and pressure read back as sentences?

From their documents, so that what is edited and what was approved read alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from audiences.admin.showing import counted, span
from campaigns.models import Cooldown, FrequencyCap, Pressure
from campaigns.proposal import cap_document, cooldown_document

Document = Mapping[str, Any]

_WHAT = {
    "CAMPAIGN": "this campaign",
    "OFFER": "the same offer in any campaign",
    "PLACEMENT": "anything in the same placement",
    "FORMAT": "anything in the same format",
    "TIER": "anything of its tier",
    "ALL": "everything",
    "INTERRUPT": "everything that interrupts",
}
_CALENDAR = {"DAY": "day", "WEEK": "week, from Monday", "MONTH": "month"}
_STRICT = "Strictly: also when several devices ask at once."
_AFTER = {"impression": "was shown", "click": "was clicked", "dismissal": "was closed", "conversion": "was bought"}


def cap_sentence(cap: FrequencyCap) -> str:
    """A cap as one reads it: At most 3 impressions of this campaign in any 7 days."""
    return capped(cap_document(cap), shared=cap.campaign_id is None)


def capped(cap: Document, *, shared: bool = False) -> str:
    """The same of its document."""
    events = counted(cap["limit"], cap["event"])
    said = f"At most {events} of {_what(cap, shared=shared)} {_window(cap)}."
    return f"{said} {_STRICT}" if cap.get("strict") else said


def cooldown_sentence(cooldown: Cooldown) -> str:
    """A cooldown as one reads it: 30 days of rest after this campaign was closed."""
    return rested(cooldown_document(cooldown), shared=cooldown.campaign_id is None)


def rested(cooldown: Document, *, shared: bool = False) -> str:
    """The same of its document."""
    rest = span(timedelta(microseconds=cooldown["length"]))
    return f"{rest} of rest after {_what(cooldown, shared=shared)} {_AFTER[cooldown['event']]}."


def pressure_sentence(pressure: Pressure) -> str:
    """Pressure as one reads it."""
    said = f"A listener bears interruptions of {pressure.allowance} in any {span(pressure.window)}"
    if pressure.shrink:
        said += f", {pressure.shrink} less for each one closed, but {pressure.least} at least"
    return f"{said}. What costs 0 is never held back."


def _what(limit: Document, *, shared: bool) -> str:
    scope = str(limit["scope"])
    if not shared or scope in ("ALL", "INTERRUPT"):
        return _WHAT[scope]
    kind = scope.lower()
    return f"the {kind} {limit['scope_key']}" if limit["scope_key"] else f"any one {kind}"


def _window(cap: Document) -> str:
    kind = cap.get("kind", "ROLLING")
    if kind == "CALENDAR_LOCAL":
        return f"per calendar {_CALENDAR[cap['unit']]}, where the listener lives"
    if kind == "SESSION":
        return "per session"
    return "ever" if cap["window"] is None else f"in any {span(timedelta(microseconds=cap['window']))}"
