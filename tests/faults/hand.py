"""Who publishes, kills, rebuilds and counts while a drill runs? (A process of its own, one JSON per line.)

It stands for admin, commands and the worker; rig.Hand starts it once Django is set up. Instants are of
time.monotonic(), which all processes of a machine share.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audiences.models import Event
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes
from campaigns import operations
from campaigns.models import Campaign
from merch.issuing import issue
from merch.keys import Scope
from merch.models import DecisionRecord
from merch.releases import pulse, store
from merch.subjects.publish import publish, sweep
from merch.subjects.rebuilding import rebuild
from tests.factories import (
    AllocationFactory,
    CampaignFactory,
    CampaignItemFactory,
    CreativeFactory,
    EventDefinitionFactory,
    ExperimentFactory,
    ItemArmFactory,
    LegalProfileFactory,
    OfferFactory,
    PlacementFactory,
)
from tests.factories.audiences import FREE
from tests.factories.whole import priced

FREE_ACCOUNTS = ("free-1", "free-2", "free-3")
PAYING_ACCOUNTS = ("paying-1", "paying-2")


def migrate() -> None:
    call_command("migrate", verbosity=0)


def seed() -> dict[str, str]:
    """A priced, targeted, tested campaign; one for everybody; house content below both. Gives keys by scope."""
    now = timezone.now()
    market = priced()
    LegalProfileFactory(market=market)
    EventDefinitionFactory(name="listen", from_clients=True, in_record=True)
    flight = {"starts": (now - timedelta(days=1)).replace(tzinfo=None), "ends": None}
    test = ExperimentFactory(key="words", running=True, two_arms=True)
    AllocationFactory(experiment=test)
    trial = CampaignFactory(key="trial", markets=[market], rule=FREE, **flight)
    offer = OfferFactory(key="trial", published=True)
    hero = CampaignItemFactory(campaign=trial, key="hero", offer=offer, experiment=test)
    arm = test.variants.get(key="b")
    ItemArmFactory(item=hero, variant=arm, creative=CreativeFactory(swedish=True))
    news = CampaignFactory(key="news", **flight)
    CampaignItemFactory(campaign=news, key="side", placement=PlacementFactory(slug="side"))
    house = CampaignFactory(key="house", house=True, fallback=True, **flight)
    CampaignItemFactory(campaign=house, key="hero", creative=CreativeFactory(swedish=True))
    ann, bob = (User.objects.create_superuser(name, password=f"{name}-password") for name in ("ann", "bob"))
    for campaign in (trial, news, house):
        operations.approve(operations.submit(campaign, by=ann, now=now), by=bob, now=now)
        operations.launch(campaign, by=ann, now=now)
    store.publish(by=ann, now=now)
    _people()
    return {scope.value: issue(scope.value, scope, by=None, now=now).key for scope in (Scope.SERVER, Scope.CLIENT)}


def _people() -> None:
    now = timezone.now()
    states = dict.fromkeys(FREE_ACCOUNTS, "FREE") | dict.fromkeys(PAYING_ACCOUNTS, "ACTIVE")
    changes = [
        TraitChange(
            kind="a", key=key, observed_at=micros(now), traits={"market": "SE", "subscription_state": state},
            consent={"personalised_offers": True},
        )
        for key, state in states.items()
    ]  # fmt: skip
    rebuild(now=now)
    publish(apply_changes(changes, now=now), now=now)


def flip() -> float:
    """Publish a release that differs from the one before: "news" comes or goes. When the publication began."""
    now, ann = timezone.now(), User.objects.get(username="ann")
    news = Campaign.objects.get(key="news")
    (operations.resume if news.state == "PAUSED" else operations.pause)(news, by=ann, now=now)
    began = time.monotonic()
    store.publish(by=ann, now=now)
    return began


def open_at(seconds: float) -> float:
    """Publish a flight that begins in so many seconds, in a placement of its own: when, of time.time()."""
    instant = (timezone.now() + timedelta(seconds=seconds)).replace(microsecond=0)
    now, ann, bob = timezone.now(), *(User.objects.get(username=name) for name in ("ann", "bob"))
    opening = CampaignFactory(key="opening", starts=instant.replace(tzinfo=None), ends=None, time_zone="UTC")
    CampaignItemFactory(campaign=opening, key="door", placement=PlacementFactory(slug="door"))
    operations.approve(operations.submit(opening, by=ann, now=now), by=bob, now=now)
    operations.launch(opening, by=ann, now=now)
    store.publish(by=ann, now=now)
    return instant.timestamp()


def kill(key: str) -> float:
    began = time.monotonic()
    pulse.kill(key, by=None, now=timezone.now())
    return began


def lift(key: str) -> float:
    began = time.monotonic()
    pulse.lift(key, by=None, now=timezone.now())
    return began


def missing(ids: list[str]) -> int:
    """How many of these decisions have no record."""
    return len(set(ids)) - DecisionRecord.objects.filter(decision_id__in=ids).count()


def events(ids: list[str]) -> list[int]:
    """Rows with one of these event ids, and how many different ids those are."""
    found = Event.objects.filter(event_id__in=ids)
    return [found.count(), found.values("event_id").distinct().count()]


def heal() -> bool:
    """What the sweeper of the worker does every few seconds; whether an epoch was missing and is there again."""
    return sweep(now=timezone.now()).rebuilt is not None


VERBS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (migrate, seed, flip, open_at, kill, lift, missing, events, heal)
}


def main() -> None:
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        try:
            said = {"said": VERBS[verb](*arguments)}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        connection.close()
        print(json.dumps(said), flush=True)
