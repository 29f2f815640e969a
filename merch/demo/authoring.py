"""How do the demo's campaigns come about? As any others: written by one person, approved by another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from campaigns import operations
from campaigns.lifecycle import State
from campaigns.models import (
    Approval,
    Budget,
    Campaign,
    CampaignItem,
    Cooldown,
    Creative,
    Domain,
    FrequencyCap,
    ItemArm,
    Journey,
    Market,
    Offer,
    Placement,
)
from experiments.models import Experiment
from merch.demo import planning
from merch.demo.staff import Staff

STARTS = -30  # days from now, where a campaign does not say
LAUNCHED = (State.LIVE, State.PAUSED, State.ENDED)


def write_all(document: dict[str, Any], *, staff: Staff, now: datetime) -> None:
    """Every journey and campaign as a draft, and the caps and rests that all of them share."""
    planning.write_journeys(document, staff=staff, now=now)
    for raw in document.get("caps", ()):
        cap = FrequencyCap.objects.create(**_cap(raw))
        operations.edited(cap, None, by=staff.editor, now=now)
    for raw in document["campaigns"]:
        _write(raw, staff, now)


def bring_about(document: dict[str, Any], *, staff: Staff, now: datetime) -> None:
    """Submit, approve and launch each, as far as it says; journeys first, on which campaigns lean."""
    planning.begin_journeys(document, staff=staff, now=now)
    for raw in document["campaigns"]:
        stands = State(raw.get("stands", State.LIVE))
        campaign = Campaign.objects.get(key=raw["key"])
        if stands == State.DRAFT or campaign.state != State.DRAFT:
            continue
        approval = operations.submit(campaign, by=staff.editor, now=now, why=raw["goal"])
        if stands in LAUNCHED:
            _launch(campaign, approval, stands, staff, now)


def _launch(campaign: Campaign, approval: Approval, stands: State, staff: Staff, now: datetime) -> None:
    operations.approve(approval, "Looks right.", by=staff.approver, now=now)
    operations.launch(campaign, by=staff.approver, now=now)
    if stands == State.PAUSED:
        operations.pause(campaign, by=staff.approver, now=now, why="Until the list is ready")
    if stands == State.ENDED:
        operations.end(campaign, by=staff.approver, now=now, why="It has told us what we wanted to know")


def _write(raw: dict[str, Any], staff: Staff, now: datetime) -> None:
    rule = raw.get("rule")
    campaign = Campaign.objects.create(
        key=raw["key"],
        name=raw["name"],
        goal=raw["goal"],
        tier=raw.get("tier", "COMMERCIAL"),
        priority=raw["priority"],
        domain=Domain.objects.get(key=raw["domain"]) if "domain" in raw else None,
        rule={"v": 1, "rule": rule} if rule else {},
        starts=_wall(now, raw.get("starts", STARTS)),
        ends=_wall(now, raw["ends"]) if "ends" in raw else None,
        time_zone=raw.get("time_zone", ""),
        fallback=raw.get("fallback", False),
        journey=Journey.objects.get(key=raw["journey"]) if "journey" in raw else None,
        steps=raw.get("steps", []),
        pin_hours=raw.get("pin_hours"),
    )
    campaign.markets.set(Market.objects.filter(code__in=raw.get("markets", ())))
    campaign.budgets.set(Budget.objects.filter(key__in=raw.get("budgets", ())))
    parts: list[Any] = [FrequencyCap.objects.create(campaign=campaign, **_cap(each)) for each in raw.get("caps", ())]
    parts += [Cooldown.objects.create(campaign=campaign, **_rest(each)) for each in raw.get("cooldowns", ())]
    for item in raw.get("items", ()):
        parts += _item(campaign, item)
    changes = [operations.Change(each, None) for each in (campaign, *parts)]
    operations.edited_all(changes, by=staff.editor, now=now, why="First draft")


def _item(campaign: Campaign, raw: dict[str, Any]) -> Iterable[CampaignItem | ItemArm]:
    experiment = Experiment.objects.get(key=raw["experiment"]) if "experiment" in raw else None
    item = CampaignItem.objects.create(
        campaign=campaign,
        key=f"{raw['placement']}-{raw.get('creative', 'nothing')}",
        placement=Placement.objects.get(slug=raw["placement"]),
        creative=Creative.objects.get(key=raw["creative"]) if "creative" in raw else None,
        nothing="creative" not in raw,
        weight=raw.get("weight", 1),
        offer=Offer.objects.get(key=raw["offer"]) if "offer" in raw else None,
        experiment=experiment,
    )
    yield item
    if experiment is not None:
        for key, arm in raw["arms"].items():
            yield ItemArm.objects.create(
                item=item,
                variant=experiment.variants.get(key=key),
                nothing=arm.get("nothing", False),
                creative=Creative.objects.get(key=arm["creative"]) if "creative" in arm else None,
            )


def _cap(raw: dict[str, Any]) -> dict[str, Any]:
    """A cap of a number of days, of a ``window`` that it names (SESSION), or of a lifetime."""
    days = raw.get("days")
    window = FrequencyCap.Window.ROLLING if days else raw.get("window", FrequencyCap.Window.LIFETIME)
    fields = {name: raw[name] for name in ("scope", "scope_key", "limit", "event", "unit", "strict") if name in raw}
    return fields | {"window": window, "length": timedelta(days=days) if days else None}


def _rest(raw: dict[str, Any]) -> dict[str, Any]:
    """So many days of rest, after a dismissal where it does not say after what."""
    fields = {name: raw[name] for name in ("scope", "scope_key", "event") if name in raw}
    return fields | {"length": timedelta(days=raw["days"])}


def _wall(now: datetime, said: int | str) -> datetime:
    """A wall time as it is written, or the beginning of a day so many days from now, on whichever wall."""
    if isinstance(said, str):
        return datetime.fromisoformat(said)
    return _midnight(now, said)


def _midnight(now: datetime, days: int) -> datetime:
    return datetime.combine((now + timedelta(days=days)).date(), time.min)
