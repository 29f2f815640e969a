"""Why may this campaign not launch yet?

A table of small questions; each answers with all of its problems, so that nobody mends them one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from campaigns import creatives, guardchecks, lawchecks, money, rulechecks, schedule, terms
from campaigns.case import Case
from campaigns.experimentchecks import experiment_problems
from campaigns.journeychecks import campaign_problems
from campaigns.models import Campaign, Guard
from campaigns.pricechecks import (
    amounts_named,
    compared_with_a_plan,
    markets_unpriced,
    placeholders_filled,
    unpriced_note,
)
from campaigns.problems import Problem

Check = Callable[[Case], Iterable[Problem]]

# A run fills what a rule asks; a colleague may read the campaign meanwhile.
ONLY_TO_LAUNCH = frozenset({"audience.not_computed"})


def problems(campaign: Campaign, *, now: datetime, to_launch: bool = True) -> list[Problem]:
    """Everything in the way of a launch at ``now``, or of sending it to review; empty: nothing is."""
    case = Case(campaign, now)
    found = list(dict.fromkeys(problem for check in CHECKS for problem in check(case)))
    return [problem for problem in found if to_launch or problem.id not in ONLY_TO_LAUNCH]


def notes(campaign: Campaign, *, now: datetime) -> list[Problem]:
    """What is worth knowing, and in nobody's way: clock changes, locales by default, markets without a price."""
    case = Case(campaign, now)
    return list(dict.fromkeys(problem for check in NOTES for problem in check(case)))


def has_items(case: Case) -> Iterator[Problem]:
    if not case.items:
        yield Problem("campaign.empty", "The campaign has no items.", "Add a placement with a creative.")


def nothing_is_commercial(case: Case) -> Iterator[Problem]:
    """Law and service must never be kept quiet by chance or rank, and house content is what nothing stands against."""
    silent = [item.key for item in case.items if item.nothing]
    if silent and case.campaign.tier != "COMMERCIAL":
        sentence = f"item {silent[0]} shows nothing, but the campaign's tier is {case.campaign.tier}."
        yield Problem("item.nothing_tier", sentence, "Make the campaign COMMERCIAL, or give the item a creative.")


def has_flight(case: Case) -> Iterator[Problem]:
    campaign = case.campaign
    yield from schedule.flight_problems(campaign.starts, campaign.ends, campaign.time_zone)
    for market in case.markets:
        if not schedule.known(market.time_zone):
            sentence = f'"{market.time_zone}" of the market {market.code} is no time zone.'
            yield Problem("market.zone", sentence, "Use a name such as Europe/Stockholm.")
    if case.flight is not None and case.flight[1] is not None and case.flight[1] <= case.now:
        yield Problem("flight.over", "The flight is over.", "Move its end into the future.")


def is_sold_somewhere(case: Case) -> Iterator[Problem]:
    if not case.markets:
        yield Problem("campaign.no_market", "There is no market to show it in.", "Add a market.")
    for market in case.chosen_markets:
        if market.embargoed:
            sentence = f"The market {market.code} is embargoed: nothing is shown there."
            yield Problem("market.embargoed", sentence, f"Take {market.code} out of the campaign.")


def creatives_fit(case: Case) -> Iterator[Problem]:
    for each in case.shown:
        wanted, given = each.placement.format, each.creative.format
        if wanted != given:
            sentence = f"{each.name}: {each.placement.slug} shows {wanted.key}, but {each.creative.key} is {given.key}."
            yield Problem("creative.format", sentence, f"Choose a creative of the format {wanted.key}.")


def creatives_speak(case: Case) -> Iterator[Problem]:
    for creative in case.creatives:
        if creative.archived:
            yield Problem("creative.archived", f"{creative.key} is archived.", "Bring it back, or choose another.")
        schema = creative.format.fields
        wrong = creatives.schema_problems(schema)
        yield from wrong
        for content in creative.contents.all():
            where = f"{creative.key} in {content.locale}"
            if not money.known_locale(content.locale):
                yield Problem("creative.locale", f"{where}: no such locale.", "Use a tag such as sv-SE or sv.")
            if not wrong:
                yield from creatives.content_problems(schema, content.fields, where, case.schemes)


def locales_covered(case: Case) -> Iterator[Problem]:
    for creative in case.creatives:
        locales = {content.locale for content in creative.contents.all()}
        for market in case.markets:
            if not speaks(locales, market.default_locale) and creative.default_locale not in locales:
                sentence = f"{creative.key} has nothing in {market.default_locale}, for the market {market.code}."
                hint = f"Add {market.default_locale}, set a default locale, or drop {market.code}."
                yield Problem("creative.missing", sentence, hint)


def locales_by_default(case: Case) -> Iterator[Problem]:
    for creative in case.creatives:
        locales = {content.locale for content in creative.contents.all()}
        for market in case.markets:
            if not speaks(locales, market.default_locale) and creative.default_locale in locales:
                sentence = f"{creative.key} speaks {creative.default_locale} in the market {market.code}."
                yield Problem("creative.by_default", sentence, f"Add {market.default_locale} if that is not meant.")


def speaks(locales: set[str], wanted: str) -> bool:
    """Whether a decision would find a locale of the wanted language: itself, the language, or another region of it."""
    language = wanted.partition("-")[0]
    return any(locale.partition("-")[0] == language for locale in locales)


def offers_published(case: Case) -> Iterator[Problem]:
    for offer in case.offers:
        if offer.archived:
            yield Problem("offer.archived", f"The offer {offer.key} is archived.", "Bring it back, or choose another.")
        version = case.versions.get(offer.pk)
        if version is None:
            sentence = f"The offer {offer.key} has no published version."
            yield Problem("offer.unpublished", sentence, "Publish its terms first.")
            continue
        for problem in terms.problems(offer.mechanic, version.terms):
            yield Problem(problem.id, f"{version}: {problem.sentence}", "Publish a new version with valid terms.")


def rules_parse(case: Case) -> Iterator[Problem]:
    yield from rulechecks.rule_problems(case.campaign.rule, case.vocabulary, "the campaign's rule")
    for version in sorted(case.versions.values(), key=str):
        yield from rulechecks.rule_problems(version.rule, case.vocabulary, f"the rule of {version}")
        yield from rulechecks.requires_problems(version.requires, case.vocabulary, str(version))
    for slug, rule in case.content["audiences"].items():
        yield from rulechecks.rule_problems(rule or {}, case.vocabulary, f"the audience {slug}")


def audiences_exist(case: Case) -> Iterator[Problem]:
    rules = [case.campaign.rule, *(version.rule for version in case.versions.values())]
    yield from rulechecks.archived_problems([*rules, *case.content["audiences"].values()])


def behaviour_computed(case: Case) -> Iterator[Problem]:
    rules = [case.campaign.rule, *(version.rule for version in case.versions.values())]
    yield from rulechecks.not_computed(rules, case.vocabulary, case.content["audiences"])


def guards_parse(case: Case) -> Iterator[Problem]:
    """A guard that cannot be asked would block everything that it covers."""
    for guard in Guard.objects.filter(active=True):
        yield from rulechecks.rule_problems(guard.rule, case.vocabulary, f"the guard {guard.key}")
        yield from rulechecks.requires_problems(guard.requires, case.vocabulary, f"The guard {guard.key}")


def guards_let_somebody_pass(case: Case) -> Iterator[Problem]:
    yield from guardchecks.stopped_for_all(case.guarded)


def guards_stop_some(case: Case) -> Iterator[Problem]:
    yield from guardchecks.stopped_for_some(case.guarded)


def law_allows_somebody(case: Case) -> Iterator[Problem]:
    if case.markets:
        yield from lawchecks.shown_to_nobody(case.natures, case.markets)


def law_forbids_some(case: Case) -> Iterator[Problem]:
    yield from lawchecks.shown_to_some(case.natures, case.markets)


def fallback_unpriced(case: Case) -> Iterator[Problem]:
    """It is shown to people of whom nothing could be read, so that no price is known."""
    if not case.campaign.fallback:
        return
    for each in case.shown:
        if each.offer is not None and each.offer.plan_id is not None:
            sentence = f"{each.name}: a fallback shows no prices, but {each.offer.key} is on a plan."
            yield Problem("fallback.priced", sentence, "Take the offer out.")


def clocks_change(case: Case) -> Iterator[Problem]:
    if case.flight is None:
        return
    places = [(market.code, market.time_zone) for market in case.markets] or [("", "UTC")]
    for found in schedule.instants_per_market(case.campaign, places):
        for edge, resolved in (("start", found.starts), ("end", found.ends)):
            if resolved is not None and resolved.note:
                yield Problem(f"flight.{edge}_odd", resolved.note, "Choose another time if that is not meant.")


CHECKS: tuple[Check, ...] = (
    has_items,
    nothing_is_commercial,
    has_flight,
    is_sold_somewhere,
    creatives_fit,
    creatives_speak,
    locales_covered,
    offers_published,
    markets_unpriced,
    amounts_named,
    compared_with_a_plan,
    placeholders_filled,
    fallback_unpriced,
    experiment_problems,
    campaign_problems,
    rules_parse,
    audiences_exist,
    behaviour_computed,
    guards_parse,
    guards_let_somebody_pass,
    law_allows_somebody,
)
NOTES: tuple[Check, ...] = (
    clocks_change, locales_by_default, unpriced_note, guards_stop_some, law_forbids_some,
)  # fmt: skip
