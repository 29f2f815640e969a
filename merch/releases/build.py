"""What would be published now?

One consistent view of the rows becomes one document. Campaigns come as they were approved, never as their rows stand;
catalogue, law, guards, caps and the state of experiments come from the rows. Below the mark there is no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import connection, transaction

from audiences.models import (
    Audience,
    BehaviourLeaf,
    ContextDefinition,
    EventDefinition,
    Revision,
    Sensitivity,
    TraitDefinition,
    WhenStale,
)
from audiences.moments import micros
from audiences.rules.graph import named
from campaigns import journeydocs, money, schedule
from campaigns.lifecycle import State
from campaigns.models import Approval, Budget, Guard, Market, Placement, PlanGroup, Price
from experiments.models import Experiment, Holdout
from merch.engine.compiling import BadRelease, behaviours_read, compile_release
from merch.engine.document import (
    BudgetDoc,
    CampaignDoc,
    DrawDoc,
    ExperimentDoc,
    GuardDoc,
    HoldoutDoc,
    LegalDoc,
    MarketDoc,
    MoneyDoc,
    PriceDoc,
    RangeDoc,
    ReleaseDoc,
    Rule,
    TraitDoc,
    ZoneTable,
)
from merch.engine.journeydoc import JourneyDoc
from merch.releases import limits, ranking

YEARS_BEHIND, YEARS_AHEAD = 1, 6


class Rows(NamedTuple):
    """Everything that decides, read in one view; a fixed number of queries whatever the number of campaigns."""

    revision: int
    approvals: list[Approval]
    traits: list[TraitDefinition]
    contexts: list[ContextDefinition]
    events: list[EventDefinition]
    audiences: dict[str, Rule | None]
    leaves: list[BehaviourLeaf]
    markets: list[Market]
    plan_groups: list[PlanGroup]
    prices: list[Price]
    placements: list[Placement]
    guards: list[Guard]
    shared: limits.Shared
    budgets: list[Budget]
    experiments: list[Experiment]
    holdouts: list[Holdout]
    journeys: list[dict[str, Any]]


class Built(NamedTuple):
    """A document, the revision it answers to, and the campaigns that could not go in, with the reason."""

    document: ReleaseDoc
    revision: int
    left_out: dict[str, str]


def build(now: datetime, *, also: tuple[CampaignDoc, ...] = ()) -> Built:
    """The release as of the committed rows. ``now`` only bounds the time zone tables (whole years).

    ``also`` are campaigns that stand in it as if they were live, for previews.
    Raises BadRelease where a guard or an experiment does not fit the rest.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = _read()
    # Below this line there is no database.
    return _assemble(rows, now, also)


def _read() -> Rows:
    return Rows(
        revision=Revision.objects.head(),
        approvals=list(
            Approval.objects.filter(decision=Approval.Decision.APPROVED, campaign__state=State.LIVE)
            .order_by("campaign_id", "-id")
            .distinct("campaign_id")
        ),
        traits=list(TraitDefinition.objects.all()),
        contexts=list(ContextDefinition.objects.all()),
        events=list(EventDefinition.objects.all()),
        audiences={
            audience.slug: audience.rule if audience.kind == Audience.Kind.RULE else None
            for audience in Audience.objects.all()
        },
        leaves=list(BehaviourLeaf.objects.filter(filled_by__isnull=False)),
        markets=list(Market.objects.prefetch_related("legal_profiles")),
        plan_groups=list(PlanGroup.objects.prefetch_related("plans")),
        prices=list(Price.objects.select_related("plan", "market").order_by("plan", "market", "effective")),
        placements=list(Placement.objects.select_related("format", "experiment").prefetch_related("arms__variant")),
        guards=list(Guard.objects.filter(active=True).prefetch_related("markets")),
        shared=limits.read(),
        budgets=list(Budget.objects.all()),
        experiments=list(
            Experiment.objects.exclude(state=Experiment.State.DRAFT)
            .filter(assignment=Experiment.AssignedBy.OWN)
            .select_related("layer")
            .prefetch_related("variants", "allocations")
        ),
        holdouts=list(Holdout.objects.prefetch_related("periods")),
        journeys=journeydocs.carried(),
    )


def _assemble(rows: Rows, now: datetime, also: tuple[CampaignDoc, ...]) -> Built:
    tried = {campaign.key for campaign in also}
    approved = [msgspec.convert(approval.content, CampaignDoc) for approval in rows.approvals]
    campaigns = [*(campaign for campaign in approved if campaign.key not in tried), *also]
    document = _document(rows, sorted(campaigns, key=lambda campaign: campaign.key), now)
    # A guard or experiment that does not fit must stop the publication, not empty it: the served release stays.
    document, left_out = _without_broken_journeys(document)
    compile_release(msgspec.structs.replace(document, campaigns=()))
    try:
        release = compile_release(document)
    except BadRelease:
        document, broken = _without_broken(document)
        left_out |= broken
        release = compile_release(document)
    read = behaviours_read(release)
    bits = {digest: position for digest, position in document.bits.items() if digest in read}
    return Built(msgspec.structs.replace(document, bits=bits), rows.revision, left_out)


def _without_broken_journeys(document: ReleaseDoc) -> tuple[ReleaseDoc, dict[str, str]]:
    """A journey whose rule no longer fits shows nothing; its campaigns say that it is not running."""
    good: dict[str, JourneyDoc] = {}
    left_out: dict[str, str] = {}
    for key, journey in document.journeys.items():
        try:
            compile_release(
                msgspec.structs.replace(document, campaigns=(), guards=(), experiments={}, journeys={key: journey})
            )
        except BadRelease as error:
            left_out[f"journey {key}"] = str(error)
        else:
            good[key] = journey
    return msgspec.structs.replace(document, journeys=good), left_out


def _without_broken(document: ReleaseDoc) -> tuple[ReleaseDoc, dict[str, str]]:
    """One campaign whose rule no longer fits (a trait was removed) must not stop the others."""
    good: list[CampaignDoc] = []
    left_out: dict[str, str] = {}
    for campaign in document.campaigns:
        try:
            compile_release(msgspec.structs.replace(document, campaigns=(campaign,)))
        except BadRelease as error:
            left_out[campaign.key] = str(error)
        else:
            good.append(campaign)
    return msgspec.structs.replace(document, campaigns=tuple(good)), left_out


def _document(rows: Rows, campaigns: list[CampaignDoc], now: datetime) -> ReleaseDoc:
    used = {item.experiment for campaign in campaigns for item in campaign.items if item.experiment}
    placements = ranking.placements(rows.placements, {each.key for each in rows.experiments})
    used |= {each.experiment for each in placements.values() if each.experiment}
    names, tables = schedule.tables(
        datetime(now.year - YEARS_BEHIND, 1, 1, tzinfo=UTC), datetime(now.year + YEARS_AHEAD, 1, 1, tzinfo=UTC)
    )
    return ReleaseDoc(
        deployment=settings.MERCH_DEPLOYMENT,
        tzdata=version("tzdata"),
        layout=max((leaf.layout for leaf in rows.leaves), default=1),
        bits={leaf.digest: leaf.position for leaf in rows.leaves},
        traits={trait.name: _trait(trait) for trait in rows.traits},
        contexts={context.name: context.type for context in rows.contexts},
        events={event.name: _event(event) for event in rows.events},
        markets={market.code: _market(market) for market in rows.markets},
        zones=names,
        zone_tables=tuple(ZoneTable(instants=tuple(instants), offsets=tuple(offsets)) for instants, offsets in tables),
        money=_money(campaigns, rows.markets),
        plan_groups={group.key: tuple(plan.key for plan in group.plans.all()) for group in rows.plan_groups},
        prices=_prices(rows.prices),
        placements=placements,
        campaigns=tuple(campaigns),
        guards=tuple(_guard(guard, rows.audiences) for guard in rows.guards),
        shared_caps=rows.shared.caps,
        shared_cooldowns=rows.shared.cooldowns,
        pressure=rows.shared.pressure,
        costs=rows.shared.costs,
        budgets={each.key: BudgetDoc(key=each.key, per_market=each.per_market) for each in rows.budgets},
        experiments={each.key: _experiment(each, rows.audiences) for each in rows.experiments if each.key in used},
        holdouts=tuple(_holdout(holdout) for holdout in rows.holdouts),
        journeys={each["key"]: msgspec.convert(each, JourneyDoc) for each in rows.journeys},
    )


def _trait(trait: TraitDefinition) -> TraitDoc:
    age = trait.tolerated_age
    return TraitDoc(
        type=trait.type,
        decimal_places=trait.decimal_places,
        values=tuple(trait.values),
        tolerated_age=None if age is None else int(age.total_seconds()) * 1_000_000,
        keep_stale=trait.when_stale == WhenStale.KEEP,
        profiling=trait.sensitivity != Sensitivity.CONTEXTUAL,
    )


def _event(event: EventDefinition) -> dict[str, Any]:
    return {
        "fields": event.fields,
        "in_history": event.in_history,
        "money": event.money,
        "from_clients": event.from_clients,
    }


def _market(market: Market) -> MarketDoc:
    return MarketDoc(
        currency=market.currency,
        exponent=money.exponent(market.currency),
        time_zone=market.time_zone,
        countries=tuple(market.countries),
        default_locale=market.default_locale,
        embargoed=market.embargoed,
        legal=tuple(
            LegalDoc(
                min_age=profile.min_age, max_age=profile.max_age, profiling=profile.profiling,
                urgency=profile.urgency, trial_allowed=profile.trial_allowed,
                unknown_age=profile.unknown_age, unknown_consent=profile.unknown_consent,
            )
            for profile in market.legal_profiles.all()
        ),
    )  # fmt: skip


def _money(campaigns: list[CampaignDoc], markets: list[Market]) -> dict[str, dict[str, MoneyDoc]]:
    locales = {
        locale for campaign in campaigns for creative in campaign.creatives.values() for locale in creative.locales
    }
    styles = money.money_styles(sorted(locales), sorted({market.currency for market in markets}))
    return {
        locale: {currency: msgspec.convert(style, MoneyDoc) for currency, style in by_currency.items()}
        for locale, by_currency in styles.items()
    }


def _prices(prices: list[Price]) -> dict[str, dict[str, tuple[PriceDoc, ...]]]:
    found: dict[str, dict[str, list[PriceDoc]]] = {}
    for price in prices:
        found.setdefault(price.plan.key, {}).setdefault(price.market.code, []).append(
            PriceDoc(
                id=price.pk,
                amount=price.amount,
                period=price.period,
                start=micros(price.effective.lower) if price.effective.lower else 0,
                end=micros(price.effective.upper) if price.effective.upper else None,
            )
        )
    return {
        plan: {market: tuple(sorted(each, key=lambda price: price.start)) for market, each in markets.items()}
        for plan, markets in found.items()
    }


def _guard(guard: Guard, audiences: Mapping[str, Rule | None]) -> GuardDoc:
    return GuardDoc(
        key=guard.key,
        rule=guard.rule,
        tiers=tuple(guard.tiers),
        mechanics=tuple(guard.mechanics),
        markets=tuple(sorted(market.code for market in guard.markets.all())),
        requires=tuple(guard.requires),
        audiences=closure((guard.rule,), audiences),
    )


def _experiment(experiment: Experiment, audiences: Mapping[str, Rule | None]) -> ExperimentDoc:
    return ExperimentDoc(
        key=experiment.key,
        version=experiment.version,
        salt=experiment.salt,
        layer_salt=experiment.layer.salt if experiment.layer else "",
        variants=tuple((variant.key, variant.weight) for variant in experiment.variants.all()),
        ranges=tuple(
            RangeDoc(
                start=allocation.buckets.lower, end=allocation.buckets.upper,
                start_at=micros(allocation.period.lower) if allocation.period.lower else 0,
                end_at=micros(allocation.period.upper) if allocation.period.upper else None,
            )
            for allocation in sorted(experiment.allocations.all(), key=lambda each: each.pk)
        ),
        rule=experiment.rule or None,
        audiences=closure((experiment.rule,), audiences),
        running=experiment.state == Experiment.State.RUNNING,
    )  # fmt: skip


def _holdout(holdout: Holdout) -> HoldoutDoc:
    return HoldoutDoc(
        key=holdout.key,
        scope=holdout.scope,
        scope_key=holdout.scope_key,
        tiers=tuple(holdout.tiers),
        draws=tuple(
            DrawDoc(
                number=draw.number, salt=draw.salt, size=draw.size,
                start_at=micros(draw.period.lower) if draw.period.lower else 0,
                end_at=micros(draw.period.upper) if draw.period.upper else None,
            )
            for draw in sorted(holdout.periods.all(), key=lambda each: each.number)
        ),
    )  # fmt: skip


def closure(rules: Iterable[Rule | None], audiences: Mapping[str, Rule | None]) -> dict[str, Rule | None]:
    """Every audience that these rules lean on, transitively; an unknown name is left to the parser to report."""
    found: dict[str, Rule | None] = {}
    waiting = [slug for rule in rules if rule for slug in named(rule)]
    while waiting:
        slug = waiting.pop()
        if slug in found or slug not in audiences:
            continue
        found[slug] = audiences[slug]
        waiting += named(audiences[slug]) if audiences[slug] else []
    return found
