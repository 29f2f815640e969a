"""How do prices and periods read in a sentence?"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from audiences.admin.showing import counted
from campaigns import money

_PERIOD = re.compile(r"P(\d+)([DWMY])")
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}


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
    if terms.get("instead_of"):
        lines.append(f"At least {terms.get('least_saving')} % less than {terms['instead_of']} over the same time.")
    if terms.get("channels"):
        lines.append(f"Channels: {', '.join(terms['channels'])}.")
    return lines or [f"No terms yet for {mechanic.replace('_', ' ').lower()}."]
