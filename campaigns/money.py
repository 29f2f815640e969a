"""How does each locale write each currency, and how many decimals has it?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_decimal_symbol, get_group_symbol, list_currencies

Style = dict[str, Any]

# ISO 4217, the decimals in which billing systems count; CLDR's own are for display and differ (IQD, HUF ...).
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
         "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
_SAMPLE = Decimal("1234567890.5")
_FALLBACK = "en"


def known_currency(code: str) -> bool:
    """Whether CLDR has heard of this code."""
    return code in list_currencies()


def exponent(currency: str) -> int:
    """Decimals of the minor unit: 2 for SEK, 0 for JPY, 3 for KWD. Raises ValueError for an unknown code."""
    if not known_currency(currency):
        raise ValueError(f"{currency} is no ISO 4217 currency; use a code such as SEK.")
    return _EXPONENTS.get(currency, 2)


def known_locale(tag: str) -> bool:
    """Whether CLDR has heard of this locale, e.g. sv-SE."""
    return _locale(tag) is not None


def money_styles(locales: Iterable[str], currencies: Iterable[str]) -> dict[str, dict[str, Style]]:
    """{locale: {currency: {prefix, suffix, group, decimal, primary, secondary}}}, with Latin digits.

    A locale that CLDR lacks is written as its language, else as English, so that a release can always be built;
    readiness names such locales.
    """
    wanted = list(currencies)
    return {locale: {currency: dict(_style(locale, currency)) for currency in wanted} for locale in locales}


@cache
def _style(tag: str, currency: str) -> Style:
    locale = _locale(tag) or _locale(tag.partition("-")[0]) or Locale.parse(_FALLBACK)
    # Taken from a whole formatted amount: what stands before and after the digits, spaces included.
    text = format_currency(_SAMPLE, currency, locale=locale, numbering_system="latn")
    digits = re.search(r"\d.*\d", text)
    if digits is None:
        raise ValueError(f"{tag} cannot write {currency}: {text}.")
    grouping = locale.currency_formats["standard"].grouping
    return {
        "prefix": _apart(text[: digits.start()], at=-1) if digits.start() else "",
        "suffix": _apart(text[digits.end() :], at=0) if digits.end() < len(text) else "",
        "group": get_group_symbol(locale, numbering_system="latn"),
        "decimal": get_decimal_symbol(locale, numbering_system="latn"),
        "primary": grouping[0],
        "secondary": grouping[1],
    }


def _apart(symbol: str, *, at: int) -> str:
    """A letter never touches a digit (CLDR's currency spacing): SEK 119.00, but $119.00."""
    if not symbol[at].isalpha():
        return symbol
    return f"{symbol}\xa0" if at else f"\xa0{symbol}"


@cache
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None
