"""Can everything that is shown be priced, where and while it is shown?"""

from __future__ import annotations

from collections.abc import Iterator

from campaigns import creatives, prices, terms
from campaigns.case import Case, Flight, Shown
from campaigns.models import Market, Offer, Price
from campaigns.problems import Problem


def markets_unpriced(case: Case) -> Iterator[Problem]:
    """A market that the campaign names needs a price during the whole flight; of all markets, one does."""
    for offer, found in _unpriced(case):
        if case.chosen_markets:
            yield from found.values()
        elif found and len(found) == len(case.markets):
            yield Problem(
                "price.nowhere",
                f"{offer.plan} of the offer {offer.key} has no price in any market during the flight.",
                "Add prices, or change the flight.",
            )


def unpriced_note(case: Case) -> Iterator[Problem]:
    """Of a campaign for every market: where it will not show."""
    if not case.chosen_markets:
        for _, found in _unpriced(case):
            if len(found) < len(case.markets):
                yield from found.values()


def _unpriced(case: Case) -> Iterator[tuple[Offer, dict[str, Problem]]]:
    flight = case.flight
    if flight is None:
        return
    for offer in case.offers:
        if offer.plan_id is not None:
            found = {market.code: _gap(case, flight, offer, market) for market in case.markets}
            yield offer, {code: problem for code, problem in found.items() if problem is not None}


def _gap(case: Case, flight: Flight, offer: Offer, market: Market) -> Problem | None:
    first, last = flight
    known = case.prices.get((offer.plan_id or 0, market.pk), [])
    periods = [(price.effective.lower, price.effective.upper) for price in known]
    found = prices.gaps(periods, max(first, case.now), last)
    if not found:
        return None
    since, until = found[0]
    when = f"from {since:%Y-%m-%d %H:%M} UTC" + (f" to {until:%Y-%m-%d %H:%M} UTC" if until else " on")
    return Problem(
        "price.missing",
        f"{offer.plan} of the offer {offer.key} has no price in {market.code} {when}.",
        f"Add a price, or drop {market.code}.",
    )


def amounts_named(case: Case) -> Iterator[Problem]:
    """Terms with amounts name one for each market that the campaign names."""
    chosen = {market.code for market in case.chosen_markets}
    for version in sorted(case.versions.values(), key=str):
        for code in terms.markets_without_amount(version.terms, chosen):
            sentence = f"{version} names no amount for the market {code}."
            yield Problem("terms.market", sentence, f"Publish a version with an amount, or drop {code}.")


def compared_with_a_plan(case: Case) -> Iterator[Problem]:
    """What an offer is compared with has a price in each market that the campaign names."""
    for version in sorted(case.versions.values(), key=str):
        other = version.terms.get("instead_of")
        if not other:
            continue
        sold = set(Price.objects.filter(plan__key=other).values_list("market__code", flat=True))
        missing = {market.code for market in case.chosen_markets} - sold if sold else {"any market"}
        for code in sorted(missing):
            sentence = f"{version} is compared with {other}, which has no price in {code}."
            yield Problem("terms.compared", sentence, f"Add a price of {other}, or name another plan in its terms.")


def placeholders_filled(case: Case) -> Iterator[Problem]:
    """{price} needs an offer on a plan; {then} and {saving} need terms that change or compare the price."""
    for each in case.shown:
        for locale, names in _placeholders(each):
            filled = _filled(each)
            for name in sorted(names - filled):
                yield Problem(
                    "creative.unfilled",
                    f"{each.name}: {{{name}}} of {each.creative.key} in {locale} stands for nothing.",
                    "Take it out, or show an offer on a plan whose terms say it.",
                )


def _placeholders(each: Shown) -> Iterator[tuple[str, frozenset[str]]]:
    for content in each.creative.contents.all():
        yield content.locale, creatives.placeholders(content.fields)


def _filled(each: Shown) -> frozenset[str]:
    if each.offer is None or each.offer.plan_id is None:
        return frozenset()
    # An unpublished offer is a problem of its own; its draft may well say it.
    return terms.placeholders(each.version.terms) if each.version else frozenset(creatives.PLACEHOLDERS)
