"""How do prices, caps and periods read in a sentence?"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from audiences.admin.showing import counted, span
from campaigns import money
from campaigns.models import FrequencyCap

_PERIOD = re.compile(r"P(\d+)([DWMY])")
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}
_SCOPES = {
    "CAMPAIGN": "this campaign",
    "OFFER": "this offer, in any campaign",
    "PLACEMENT": "this placement",
    "FORMAT": "this format, in any placement",
    "TIER": "this tier",
    "ALL": "everything",
}
_EVENTS = {"impression": "Shown", "click": "Clicked", "dismissal": "Closed"}


def amount(minor: int, currency: str) -> str:
    """Minor units as people write them, always with the currency: 119.00 SEK."""
    digits = money.exponent(currency)
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f} {currency}"


def major(minor: int, currency: str) -> Decimal:
    """Minor units as the decimal number that a form shows."""
    digits = money.exponent(currency)
    return Decimal(minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits))


def minor_units(value: Decimal, currency: str) -> int:
    """The decimal number of a form in minor units. Raises ValueError where the currency has fewer decimals."""
    digits = money.exponent(currency)
    scaled = value.scaleb(digits)
    if scaled != scaled.to_integral_value():
        few = counted(digits, "decimal") if digits else "no decimals"
        raise ValueError(f"{currency} has {few}: {value} cannot be charged.")
    return int(scaled)


def period(text: str) -> str:
    """P1M is "1 month"."""
    found = _PERIOD.fullmatch(text or "")
    return counted(int(found[1]), _UNITS[found[2]]) if found else text


def per(text: str) -> str:
    """P1M is "per month", P3M "per 3 months"."""
    return f"per {period(text).removeprefix('1 ')}"


def cap_sentence(cap: FrequencyCap) -> str:
    """A cap as one reads it: Shown at most 3 times in any 7 days, counting this campaign."""
    often = "once" if cap.limit == 1 else f"{cap.limit} times"
    when = "ever" if cap.length is None else f"in any {span(cap.length).removeprefix('1 ')}"
    what = _SCOPES.get(cap.scope, cap.scope)
    if cap.campaign_id is None and cap.scope != "ALL":
        what = cap.scope_key or f"each {cap.scope.lower()} by itself"
    return f"{_EVENTS.get(cap.event, cap.event)} at most {often} {when}, counting {what}."


def terms_in_words(mechanic: str, terms: dict[str, Any], currencies: dict[str, str]) -> list[str]:
    """The terms of an offer, a line each. ``currencies``: of each market."""
    lines = []
    cycles = terms.get("cycles")
    during = f" for {counted(cycles, 'billing period')}" if cycles else ""
    if terms.get("free_period"):
        lines.append(f"Free for {period(terms['free_period'])}, then the plan's price.")
    if terms.get("percent_off"):
        lines.append(f"{terms['percent_off']} % off{during}.")
    for market, minor in (terms.get("amounts") or {}).items():
        shown = amount(minor, currencies[market]) if market in currencies else f"{minor} minor units"
        lines.append(f"{market}: {shown}{during}.")
    lines += [
        f"{label}: {terms[name]}."
        for name, label in (("reward", "Reward"), ("difficulty", "To be reached"), ("duration_hours", "Hours to do it"))
        if terms.get(name) is not None
    ]
    if terms.get("channels"):
        lines.append(f"Channels: {', '.join(terms['channels'])}.")
    return lines or [f"No terms yet for {mechanic.replace('_', ' ').lower()}."]
