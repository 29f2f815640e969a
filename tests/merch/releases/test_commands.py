"""Do the commands of an engineer say what they did, and refuse clearly?"""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from audiences.moments import micros
from audiences.people import TraitChange, apply_changes
from audiences.rules import Type, ValueType
from campaigns.models import Campaign, Guard
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import NEW_SUBJECT, Asked, Request
from merch.inputs import Entry
from merch.management.commands import decide as decide_command
from merch.management.context import from_text
from merch.models import Kill, Publication, PublicationHold, Release
from merch.recording import write
from merch.reexecution import release_named
from merch.releases import store
from merch.releases.serving import Serving
from tests.factories.whole import ready_campaign
from tests.merch.releases.conftest import live

pytestmark = pytest.mark.usefixtures("valkey")


def told(*words: str) -> str:
    said = StringIO()
    call_command(*words, stdout=said, stderr=StringIO())
    return said.getvalue()


@pytest.fixture
def published(campaign: Campaign) -> Publication:
    told("publish_release", "--why", "first")
    return Publication.objects.get()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, process: Serving, valkey: redis.Redis) -> None:
    """The decide command as in a process of its own."""
    valkey.set("epoch", 1)
    monkeypatch.setattr(decide_command, "serving", process)


def test_a_dry_run_publishes_nothing(campaign: Campaign) -> None:
    assert "1 campaigns" in told("publish_release", "--dry-run")
    assert not Publication.objects.exists()
    assert "served as publication" in told("publish_release")


def test_a_dry_run_says_what_would_change(published: Publication, editor: User, approver: User) -> None:
    live(editor, approver, key="second", priority=70)

    said = told("publish_release", "--dry-run").splitlines()

    assert [line for line in said if line.startswith("campaign second added: tier COMMERCIAL; priority 70")]
    assert "touches 1 campaign: second" in said


def test_two_releases_are_compared_in_words_and_for_machines(
    published: Publication, campaign: Campaign, editor: User, approver: User
) -> None:
    apply_changes([TraitChange(kind="a", key="acc_1", observed_at=0, traits={})], now=timezone.now())
    live(editor, approver, key="second")
    told("publish_release")
    newest = Publication.objects.order_by("-number").first()
    assert newest is not None
    digests = [each.release_id.removeprefix("sha256:")[:12] for each in (published, newest)]

    found = json.loads(told("diff_releases", *digests, "--json"))
    back = told("diff_releases", *reversed(digests)).splitlines()

    assert [(change["area"], change["key"], change["verb"]) for change in found["changes"]] == [
        ("campaign", "second", "added")
    ]
    assert found["blast_radius"]["campaigns"] == ["second"]
    assert [each["matched"]["of"] for each in found["blast_radius"]["subjects"]] == [1]
    assert back[0] == "campaign second removed"
    assert told("diff_releases", digests[0], digests[0]).strip() == "no difference"
    assert told("diff_releases", digests[1], "next").strip() == "no difference"


def test_a_release_is_looked_over_for_what_can_never_show(
    published: Publication, campaign: Campaign, editor: User, approver: User
) -> None:
    assert told("lint_release") == "nothing to look at\n"
    live(editor, approver, key="z-twin")

    (only,) = json.loads(told("lint_release", "next", "--json"))

    assert (only["kind"], only["campaign"], only["other"]) == ("colliding", "z-twin", campaign.key)
    assert told("lint_release", published.release_id) == "nothing to look at\n"


def test_recorded_requests_are_replayed_under_another_release(
    published: Publication, campaign: Campaign, editor: User, approver: User
) -> None:
    recorded(published.release)
    live(editor, approver, key="second", priority=99)
    told("publish_release")
    newest = Publication.objects.order_by("-number").first()
    assert newest is not None
    releases = ("--release", published.release_id, "--against", newest.release_id)

    found = json.loads(told("replay", *releases, "--json"))
    said = told("replay", *releases, "--sample", "1", "--since", "2020-01-01T00:00:00Z")

    assert (found["decisions"] + found["not_comparable"], found["placements"].keys() <= {"home-hero"}) == (1, True)
    assert "1 decisions made again, " in said or "1 left out" in said
    assert "0 decisions made again" in told("replay", *releases, "--since", "2199-01-01T00:00:00Z")


def test_a_campaign_is_forecast_also_before_its_launch(
    published: Publication, campaign: Campaign, terminal: None
) -> None:
    traits = {"market": "SE"}
    people = [TraitChange(kind="a", key=f"acc_{n}", observed_at=0, traits=traits) for n in range(5)]
    apply_changes(people, now=timezone.now())
    draft = ready_campaign(key="draft", priority=99)

    live_now = json.loads(told("forecast", campaign.key, "--json"))
    not_yet = json.loads(told("forecast", draft.key, "--json", "--context", "platform=ios"))

    for found in (live_now, not_yet):
        (reach,) = found["placements"]
        assert (reach["asked"], found["subjects"]) == (5, 5)
        assert sum(one["count"] for one in reach["reasons"].values()) == 5
        assert reach["summary"]["matched"]["count"] == 5
    assert "5 of 5 subjects asked" in told("forecast", campaign.key)


def test_a_roll_back_holds_publication_until_somebody_lifts_it(published: Publication, editor: User) -> None:
    digest = published.release_id.removeprefix("sha256:")[:12]

    assert "is served again" in told("rollback_release", digest)
    with pytest.raises(CommandError, match="--lift-hold"):
        told("publish_release")
    with pytest.raises(CommandError, match="--by USERNAME"):
        told("publish_release", "--lift-hold")
    assert "the same content" in told("publish_release", "--lift-hold", "--by", "ann")
    assert PublicationHold.objects.get().lifted_by == editor
    assert PublicationHold.objects.filter(lifted_at=None).count() == 0


def test_a_dry_run_says_which_guard_does_not_fit(campaign: Campaign) -> None:
    Guard.objects.create(key="calm", name="Calm", rule={"v": 1, "rule": {"trait": "mood", "op": "present"}})

    for words in (("publish_release", "--dry-run"), ("publish_release",)):
        with pytest.raises(CommandError, match="calm"):
            told(*words)


def test_a_kill_is_lifted_by_the_same_command(campaign: Campaign) -> None:
    assert "is killed" in told("kill", campaign.key, "--why", "wrong price")
    assert "lifted" in told("kill", campaign.key, "--lift")
    assert "was not killed" in told("kill", campaign.key, "--lift")
    assert Kill.objects.get().why == "wrong price"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("kill", "nobody"), "no campaign"),
        (("kill", "nobody", "--lift"), "no campaign"),
        (("kill", "x", "--why", "y" * 201), "200 characters"),
        (("kill", "x", "--by", "ghost"), "no active user 'ghost'"),
        (("publish_release", "--why", "y" * 201), "200 characters"),
        (("rollback_release", ""), "4 digits"),
        (("explain_decision", "one"), "invalid UUID"),
        (("forecast", "nobody"), "There is no campaign 'nobody'"),
        (("replay", "--release", "abcd", "--against", "next"), "0 releases begin with"),
        (("lint_release", "abcd"), "0 releases begin with"),
        (("diff_releases", "abcd", "next"), "0 releases begin with"),
        (("diff_releases", "abcd", "next", "--sample", "2"), "is no share"),
        (("verify_decisions", "--since", "2026-13-40T00:00:00Z"), "--since"),
        (("verify_decisions", "--since", "9999-01-01"), "--since"),
        (("verify_decisions", "--sample", "nan"), "--sample"),
        (("rollback_release", "ffff"), "0 releases"),
        (("explain_decision", str(uuid4())), "No decision"),
        (("verify_decisions", "--since", "yesterday"), "--since"),
        (("verify_decisions", "--sample", "3"), "--sample"),
    ],
)
def test_what_cannot_be_done_is_said(db: None, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        told(*words)


@pytest.mark.usefixtures("terminal")
def test_a_decision_at_the_terminal_names_every_candidate(published: Publication, campaign: Campaign) -> None:
    ask = ("decide", "--account", "acc_1", "--placement", "home-hero", "--explain")

    body = json.loads(told(*ask, "--context", "country=SE", "--context", "locale=sv-SE"))
    nowhere = json.loads(told(*ask, "--at", "2001-01-01T00:00:00Z", "--release", published.release_id))

    assert (body["decision_id"], body["release"]) == (str(UUID(int=0)), published.release_id)
    assert [each["campaign"] for each in body["placements"]["home-hero"]["slots"]] == [campaign.key]
    assert nowhere["decided_at"] == "2001-01-01T00:00:00Z"
    assert nowhere["trace"]["home-hero"][0]["reason"] == "LEGAL_BLOCK"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--account", ""), "--account"),
        (("--device", " "), "--device"),
        (("--account", "a", "--at", "noon"), "--at"),
        (("--account", "a", "--at", "2026-02-30T00:00:00Z"), "--at"),
        (("--account", "a", "--at", "9999-12-31T23:59:59Z"), "--at"),
        (("--account", "a", "--at", "0001-01-01T00:00:00Z"), "--at"),
        (("--account", "a", "--device", "b"), "not allowed with"),
        ((), "required"),
        (("--account", "a", "--context", "nonsense=1"), "--context"),
        (("--account", "a", "--context", "hour=noon"), "--context"),
        (("--account", "a", "--context", "app_version=new"), "--context"),
        (("--account", "a", "--release", "sha256:ff"), "--release: 0 releases"),
    ],
)
def test_a_decision_that_cannot_be_asked_is_refused(published: Publication, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        told("decide", "--placement", "home-hero", *words)


@pytest.mark.usefixtures("terminal")
def test_a_decision_says_what_it_takes_for_yes(published: Publication) -> None:
    assert [from_text(ValueType(Type.BOOL), text) for text in ("Yes", "false", "1")] == [
        True,
        False,
        True,
    ]
    with pytest.raises(ValueError, match="yes or no"):
        from_text(ValueType(Type.BOOL), "maybe")


def test_a_release_is_named_by_its_beginning(published: Publication) -> None:
    digits = published.release_id.removeprefix("sha256:")

    assert {store.find(text) for text in (digits, digits[:8], f"sha256:{digits[:8]}")} == {published.release}


def recorded(release: Release) -> str:
    now = micros(timezone.now())
    request = Request(decision_id=str(uuid4()), kind="a", key="acc_1", placements=(Asked("home-hero"),))
    serving, pulse = release_named(release.digest), Pulse()
    write([Entry(serving, pulse, request, NEW_SUBJECT, decide(serving, pulse, request, NEW_SUBJECT, now))])
    return request.decision_id


def test_recorded_decisions_are_explained_and_made_again(published: Publication) -> None:
    decision_id = recorded(published.release)

    why: dict[str, Any] = json.loads(told("explain_decision", decision_id))

    assert [each["placement"] for each in why["placements"]] == ["home-hero"]
    assert "1 decisions made again, 0 differences" in told("verify_decisions", "--sample", "1")
