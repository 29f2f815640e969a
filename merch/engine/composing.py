"""What does the client get to render, and at what price?"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec.structs import replace

from merch.engine.clock import MICROSECONDS
from merch.engine.document import CreativeDoc, MarketDoc, MoneyDoc, OfferDoc, PriceDoc
from merch.engine.facts import GrantFact, Quote

TWELFTHS = {"D": 12, "W": 84, "M": 365, "Y": 4_380}  # of a day
YEAR = 4_380
QUOTE_LIFE = 15 * 60 * MICROSECONDS
PLACEHOLDER = re.compile(r"\{(price|then|saving)\}")


def price_at(prices: Sequence[PriceDoc], now: int) -> PriceDoc | None:
    """The price in force at ``now``; prices stand in time order and never overlap."""
    position = bisect_right(prices, now, key=_start) - 1
    if position < 0:
        return None
    price = prices[position]
    return price if price.end is None or now < price.end else None


def _start(price: PriceDoc) -> int:
    return price.start


def quote_for(
    offer: OfferDoc, price: PriceDoc, market: MarketDoc, market_code: str, until: int, instead: PriceDoc | None = None
) -> Quote | None:
    """What the customer pays first and then, promised ``until`` (exclusive), and what that saves.

    None where the terms name no amount for this market. A discount is rounded half up to the minor unit, once, on one
    cycle. ``instead``: the price of the plan that the offer is compared with.
    """
    terms = offer.terms
    cycles = terms.cycles or 1
    amount, period = price.amount, price.period
    if terms.free_period is not None:
        amount, period = 0, terms.free_period
    elif terms.amounts is not None:
        if market_code not in terms.amounts:
            return None
        amount = terms.amounts[market_code]
    elif terms.percent_off is not None:
        amount = (price.amount * (100 - terms.percent_off) + 50) // 100
    whole = amount if terms.amounts is not None else amount * cycles
    # Three months for the price of one: the same amount, and yet another price.
    changed = amount != price.amount or period != price.period or whole != price.amount * cycles
    return Quote(
        amount=amount,
        currency=market.currency,
        exponent=market.exponent,
        period=period,
        expires_at=until,
        price_id=price.id,
        then=price.amount if changed else None,
        saving=_saving(price, instead) if instead else max(price.amount * cycles - whole, 0) if changed else None,
    )


def over_same_time(price: PriceDoc, instead: PriceDoc) -> int:
    """What the other plan costs over one period of ``price``, in whole minor units: 9.99 a month is 119.88 a year."""
    return instead.amount * length_of(price.period) // length_of(instead.period)


def _saving(price: PriceDoc, instead: PriceDoc) -> int:
    return max(over_same_time(price, instead) - price.amount, 0)


def at_most(quote: Quote | None, grant: GrantFact | None) -> Quote | None:
    """The quote, no dearer in its first period than what a person granted in the same currency."""
    if quote is None or grant is None or grant.amount is None or grant.currency != quote.currency:
        return quote
    if grant.amount >= quote.amount:
        return quote
    return replace(
        quote,
        amount=grant.amount,
        then=quote.amount if quote.then is None else quote.then,
        saving=(quote.saving or 0) + quote.amount - grant.amount,
    )


class TotalCost(NamedTuple):
    """Minor units over 12 months from the start of an offer, and how long its own terms last, in twelfths of a day."""

    amount: Fraction
    promised: Fraction


def total_over_year(offer: OfferDoc, price: PriceDoc, market_code: str) -> TotalCost:
    """The offer's terms, then the list price pro rata; a month is a twelfth of 365 days."""
    terms = offer.terms
    cycle = length_of(price.period)
    promised, paid = Fraction(0), Fraction(0)
    if terms.free_period is not None:
        promised = Fraction(length_of(terms.free_period))
    elif terms.amounts is not None:
        promised, paid = Fraction(cycle * (terms.cycles or 1)), Fraction(terms.amounts.get(market_code, 0))
    elif terms.percent_off is not None:
        cycles = terms.cycles or 1
        promised, paid = (
            Fraction(cycle * cycles),
            Fraction((price.amount * (100 - terms.percent_off) + 50) // 100 * cycles),
        )
    if promised > YEAR:
        return TotalCost(paid * YEAR / promised, promised)
    return TotalCost(paid + (YEAR - promised) * price.amount / cycle, promised)


def length_of(period: str) -> int:
    """An ISO 8601 period of one unit (P1M) in twelfths of a day."""
    return int(period[1:-1]) * TWELFTHS[period[-1]]


def decimal_text(amount: int, exponent: int) -> str:
    """Minor units as a plain decimal: 11900 with exponent 2 is "119.00"."""
    if exponent == 0:
        return str(amount)
    digits = str(amount).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}"


def money_text(amount: int, exponent: int, style: MoneyDoc) -> str:
    """As a person of that locale writes it."""
    whole, _, fraction = decimal_text(amount, exponent).partition(".")
    groups = [whole[-style.primary :]]
    rest = whole[: -style.primary]
    while rest:
        groups.append(rest[-style.secondary :])
        rest = rest[: -style.secondary]
    text = style.group.join(reversed(groups)) + (style.decimal + fraction if fraction else "")
    return f"{style.prefix}{text}{style.suffix}"


def choose_locale(creative: CreativeDoc, wanted: str) -> str | None:
    """Exact; else the longest beginning of what is wanted that the creative has, itself or, the first by name, in
    another region (zh-Hant-TW: zh-Hant, zh-Hant-HK, zh, zh-CN); else the creative's default, if it has that.
    """
    if wanted in creative.locales:
        return wanted
    known = {_spelled(locale): locale for locale in sorted(creative.locales, reverse=True)}
    parts = _spelled(wanted).split("-")
    for length in range(len(parts), 0, -1):
        beginning = "-".join(parts[:length])
        if beginning in known:
            return known[beginning]
        others = [locale for locale in known if locale.startswith(f"{beginning}-")]
        if others:
            return known[min(others)]
    return creative.default_locale if creative.default_locale in creative.locales else None


def _spelled(locale: str) -> str:
    """Phones write sv_SE too."""
    return locale.replace("_", "-").lower()


def placeholders(fields: Any) -> frozenset[str]:
    """Every {price}, {then} and {saving} anywhere in a creative's fields."""
    if isinstance(fields, str):
        return frozenset(PLACEHOLDER.findall(fields))
    if isinstance(fields, Mapping):
        return frozenset().union(*(placeholders(value) for value in fields.values()))
    if isinstance(fields, list | tuple):
        return frozenset().union(*(placeholders(value) for value in fields))
    return frozenset()


def amounts_of(quote: Quote | None, style: MoneyDoc | None) -> dict[str, str]:
    """The texts that placeholders stand for; those that the quote cannot fill are absent."""
    if quote is None or style is None:
        return {}
    amounts = {"price": quote.amount, "then": quote.then, "saving": quote.saving}
    return {name: money_text(amount, quote.exponent, style) for name, amount in amounts.items() if amount is not None}


def fill(fields: Any, amounts: Mapping[str, str]) -> Any:
    """The same fields with every placeholder replaced; a missing amount raises KeyError."""
    if isinstance(fields, str):
        return PLACEHOLDER.sub(lambda match: amounts[match[1]], fields) if "{" in fields else fields
    if isinstance(fields, Mapping):
        return {name: fill(value, amounts) for name, value in fields.items()}
    if isinstance(fields, list | tuple):
        return [fill(value, amounts) for value in fields]
    return fields
