"""Does the demo load whole, answer everywhere, and stay as it is afterwards?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from audiences.models import AudienceCount, Event, MoneyEvent, Revision, Subject
from audiences.moments import micros
from campaigns.models import Approval, Campaign, Price
from experiments.models import Exposure, Readout
from merch.demo import loading, reaching
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.facts import Answer, Asked, Request
from merch.engine.reasons import Reason
from merch.models import ApiKey, Publication
from merch.releases import store as releases
from merch.releases.serving import Serving
from merch.subjects.store import store
from tests.factories import MarketFactory
from tests.factories.campaigns import CampaignFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("transactional_db", "valkey")]

PLACEMENTS = ("home-hero", "home-shelf", "now-playing-card", "checkout-banner", "account-page", "full-screen")
LOCALES = {"SE": "sv-SE", "GB": "en-GB", "US": "en-US", "BR": "pt-BR"}


def load(listeners: int = 300) -> str:
    out = StringIO()
    call_command("load_demo", listeners=listeners, stdout=out)
    return out.getvalue()


def test_the_demo_is_whole_and_a_second_load_changes_nothing(own_home: Path) -> None:
    load()

    state = Serving(follow=False).refresh()
    every_typical_person_is_answered_everywhere(state.release, state.pulse)
    the_release_leaves_nothing_out()
    every_page_has_something_to_show()
    people_are_who_they_say(own_home)

    before = fingerprint(own_home)
    assert "Already loaded" in load()
    assert fingerprint(own_home) == before


def test_a_restarted_serving_store_is_filled_before_anybody_asks(valkey: redis.Redis) -> None:
    load(40)
    valkey.flushdb()

    load(40)

    layout = Serving(follow=False).refresh().release.doc.layout
    assert store.read("a", "listener-00001", layout) is not None


def test_a_load_that_was_killed_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(plan: loading.Plan, progress: Callable[[int], None]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(loading.STEPS, "visits", loading.STEPS["visits"]._replace(do=killed))
        with pytest.raises(KeyboardInterrupt):
            load(60)
    assert not reaching.told().exists()

    # The first load said how many; the second only goes on.
    load(10)

    assert Subject.objects.count() == 60
    assert Event.objects.filter(kind="impression").exists()
    assert reaching.told().exists()


def test_without_its_file_new_keys_are_made_and_the_old_ones_refused(own_home: Path) -> None:
    load(40)
    old = json.loads((own_home / "demo.json").read_text())
    (own_home / "demo.json").unlink()

    load(40)

    new = json.loads((own_home / "demo.json").read_text())
    assert old["keys"].keys() == new["keys"].keys()
    assert set(old["keys"].values()).isdisjoint(new["keys"].values())
    assert ApiKey.objects.filter(revoked_at__isnull=True).count() == 3
    assert not User.objects.get(username="demo-admin").check_password(old["admin"]["password"])


def test_a_database_with_content_of_its_own_is_left_alone() -> None:
    CampaignFactory(markets=[MarketFactory()])

    assert "left out" in load()
    assert not User.objects.exists()
    assert not reaching.told().exists()


# --- what a whole demo is ------------------------------------------------------------------------------------


def every_typical_person_is_answered_everywhere(release: Release, pulse: Any) -> None:
    reasons: Counter[str] = Counter()
    campaigns: set[str] = set()
    for row in Subject.objects.all():
        market = row.traits["market"][0]
        for answer in answers(release, pulse, row.key, market):
            reasons[answer.reason] += 1
            campaigns |= {slot.campaign for slot in answer.slots}
    assert set(reasons) == {Reason.SELECTED.value, Reason.FALLBACK.value}
    assert {"first-trial", "update-payment", "welcome", "discover-weekly", "house", "new-terms-brazil"} <= campaigns


def answers(release: Release, pulse: Any, key: str, market: str) -> tuple[Answer, ...]:
    request = Request(
        decision_id="00000000-0000-7000-8000-000000000000",
        kind="a",
        key=key,
        placements=tuple(Asked(slug) for slug in PLACEMENTS),
        context={"country": market, "locale": LOCALES[market], "platform": "web"},
    )
    decision = decide(release, pulse, request, store.read("a", key, release.doc.layout), micros(timezone.now()))
    assert not decision.errors
    return decision.answers


def the_release_leaves_nothing_out() -> None:
    built, _ = releases.preview(timezone.now())
    assert built.left_out == {}
    assert {campaign.key for campaign in built.document.campaigns} == set(
        Campaign.objects.filter(state="LIVE").values_list("key", flat=True)
    )


def every_page_has_something_to_show() -> None:
    assert Counter(Campaign.objects.values_list("state", flat=True)).keys() == {
        "DRAFT", "IN_REVIEW", "LIVE", "PAUSED", "ENDED",
    }  # fmt: skip
    assert set(Campaign.objects.values_list("tier", flat=True)) == {
        "LEGAL", "SERVICE", "LIFECYCLE", "COMMERCIAL", "HOUSE",
    }  # fmt: skip
    assert Approval.objects.filter(decision="PENDING").exists()
    assert not Approval.objects.filter(decided_by__username="demo-editor").exists()
    assert AudienceCount.objects.filter(size__gt=0).count() >= 6
    assert set(Exposure.objects.values_list("arm", flat=True)) >= {"control", "b", "nothing", "treated"}
    assert MoneyEvent.objects.filter(name="subscribe").exists()
    assert {"impression", "click", "custom"} <= set(Event.objects.values_list("kind", flat=True).distinct())
    assert Readout.objects.get().result["quality"]["problems"] == []
    assert Publication.objects.exists()
    rising = Price.objects.get(plan__key="individual", market__code="SE", effective__startswith__isnull=False)
    assert rising.amount == 12_900
    assert rising.effective.lower > timezone.now()


def people_are_who_they_say(home: Path) -> None:
    told = json.loads((home / "demo.json").read_text())
    assert (home / "demo.json").stat().st_mode & 0o077 == 0
    assert User.objects.get(username="demo-admin").check_password(told["admin"]["password"])
    assert {"client", "server", "manage"} == told["keys"].keys()
    assert told["account"] in told["curl"]
    assert "{base}/v1/decisions" in told["curl"]
    viewer = User.objects.get(username="demo-viewer")
    assert viewer.has_perm("campaigns.view_campaign")
    assert not viewer.has_perm("campaigns.change_campaign")
    assert not viewer.has_perm("audiences.view_sensitive_traits")
    assert User.objects.get(username="demo-approver").has_perm("campaigns.approve_campaign")


def fingerprint(home: Path) -> tuple[Any, ...]:
    versions = list(Subject.objects.order_by("pk").values_list("pk", "version"))
    counts = [model.objects.count() for model in (Event, MoneyEvent, Exposure, Publication, ApiKey, Approval)]
    return versions, counts, Revision.objects.head(), (home / "demo.json").read_text()
