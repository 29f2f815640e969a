"""In which locale, at which price and in which words does this call get to see a content?

What is asked again and again is remembered: a quote for the call, locales and texts for the release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merch.engine.call import Call
from merch.engine.compiled import Content, Said
from merch.engine.composing import (
    QUOTE_LIFE,
    TotalCost,
    amounts_of,
    at_most,
    choose_locale,
    fill,
    price_at,
    quote_for,
    total_over_year,
)
from merch.engine.document import PriceDoc
from merch.engine.facts import Quote

NOTHING: Mapping[str, str] = {}


def locale_of(content: Content, call: Call) -> str | None:
    """The creative's locale that comes nearest to what is wanted; None where there is none to show."""
    creative = content.creative
    if call.locale in creative.locales:
        return call.locale
    asked = id(creative), call.locale
    known = call.release.memos.locales.get(asked)
    if known is None:
        known = call.release.memos.locales.keep(asked, choose_locale(creative, call.locale) or "")
    return known or None


def price(content: Content, call: Call) -> PriceDoc | None:
    """The list price of the offer's plan in the billing market now, or the one that was pinned.

    None without a plan, a market or a price.
    """
    offer = content.offer
    if offer is None or offer.doc.plan is None or call.billing is None:
        return None
    prices = call.release.doc.prices.get(offer.doc.plan, {}).get(call.billing, ())
    pin = call.pin_of(content)
    if pin is not None:
        pinned = [each for each in prices if each.id == pin.price_id]
        if pinned:
            return pinned[0]
    return price_at(prices, call.now)


def instead(content: Content, call: Call) -> PriceDoc | None:
    """What the plan that the offer is compared with costs in the billing market now."""
    other = content.offer.doc.terms.instead_of if content.offer else None
    if other is None or call.billing is None:
        return None
    return price_at(call.release.doc.prices.get(other, {}).get(call.billing, ()), call.now)


def quote(content: Content, call: Call) -> Quote | None:
    """What this content's offer costs in the billing market now; None where it cannot be said.

    It holds 15 minutes; until the end of a pin where one holds it.
    """
    if content.offer is None:
        return None
    asked = id(content.offer.doc)
    if asked not in call.quotes:
        call.quotes[asked] = _quote(content, call)
    return call.quotes[asked]


def _quote(content: Content, call: Call) -> Quote | None:
    listed, market = price(content, call), call.billing_market
    if listed is None or content.offer is None or market is None or call.billing is None:
        return None
    pin = call.pin_of(content)
    until = pin.end if pin else call.now + QUOTE_LIFE
    said = quote_for(content.offer.doc, listed, market, call.billing, until, instead(content, call))
    return at_most(said, call.grant_of(content))


def total_cost(content: Content, call: Call) -> TotalCost | None:
    """Over 12 months, in the billing market; None where it is not sold."""
    listed = price(content, call)
    if listed is None or content.offer is None or call.billing is None:
        return None
    return total_over_year(content.offer.doc, listed, call.billing)


def amounts(content: Content, locale: str, call: Call) -> Mapping[str, str]:
    """The texts for {price}, {then} and {saving} in this locale."""
    priced = quote(content, call)
    if priced is None:
        return NOTHING
    texts, asked = call.release.memos.amounts, _said(priced, locale)
    known = texts.get(asked)
    if known is None:
        style = call.release.doc.money.get(locale, {}).get(priced.currency)
        known = texts.keep(asked, amounts_of(priced, style))
    return known


def fields_of(content: Content, locale: str, call: Call) -> dict[str, Any]:
    """The creative's fields with every amount in its place. Decisions share them, so nobody may change them."""
    fields = content.creative.locales[locale]
    if not content.placeholders[locale]:
        return fields
    priced, texts = quote(content, call), call.release.memos.fields
    asked = id(fields), _said(priced, locale) if priced else None
    known = texts.get(asked)
    return known if known is not None else texts.keep(asked, fill(fields, amounts(content, locale, call)))


def _said(priced: Quote, locale: str) -> Said:
    return locale, priced.currency, priced.exponent, priced.amount, priced.then, priced.saving
