"""S15: a wrong price is live. Is it stopped, is it known whom it reached, and do they get what they were promised?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from msgspec.structs import replace

from audiences.moments import micros
from campaigns.creatives import content_problems
from campaigns.models import Approval, PlacementFormat
from merch import incident
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.facts import PinFact, Subject
from merch.inputs import Entry
from merch.recording import write
from merch.subjects.store import store
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S15"
YEARLY, HOUSE = "s15-yearly", "s15-house"
WRONG, RIGHT = 49_900, 119_000


@pytest.fixture
def wrong(stage: Stage) -> Iterator[Stage]:
    """The same release with the year at 499.00 instead of 1190.00."""
    yearly = stage.release.doc.prices["individual-yearly"]
    (price,) = yearly["SE"]
    prices = stage.release.doc.prices | {"individual-yearly": yearly | {"SE": (replace(price, amount=WRONG),)}}
    right = stage.release
    stage.release = compile_release(replace(right.doc, prices=prices))
    yield stage
    stage.release = right


def subscriber(stage: Stage) -> str:
    return stage.somebody(subscription_state="ACTIVE", plan="individual")


def recorded(stage: Stage, account: str, shown: Shown) -> None:
    """As the edge does it for every answer."""
    subject = store.read("a", account, stage.release.doc.layout)
    request = shown.request
    decision = decide(stage.release, stage.pulse, request, subject, micros(shown.at))
    write([Entry(stage.release, stage.pulse, request, subject, decision)])


@pytest.mark.parametrize("text", ["Ett år för 499,00 kr", "A year for £4.99", "Only 4.99!", "499 kr", "€5 a month"])
def test_text_with_an_amount_in_it_is_refused_at_save(stage: Stage, text: str) -> None:
    schema = PlacementFormat.objects.get(key="hero").fields
    cta = {"label": "Se mer", "href": "https://www.tonika.example/yearly"}

    found = content_problems(schema, {"title": text, "cta": cta}, "hero in sv-SE", frozenset())

    assert "creative.amount" in {problem.id for problem in found}


def test_what_is_shown_is_what_is_quoted(stage: Stage) -> None:
    """There is one amount: the text's and the quote's cannot differ."""
    slot = stage.ask(subscriber(stage), at=NOW).slot(YEARLY)

    assert slot.quote is not None
    assert slot.quote.amount == RIGHT
    assert "1\N{NO-BREAK SPACE}190" in slot.fields["body"]


def test_a_kill_stops_it_in_the_very_next_decision_and_names_itself(wrong: Stage) -> None:
    account = subscriber(wrong)
    assert wrong.ask(account, at=NOW).slot(YEARLY).quote.amount == WRONG  # type: ignore[union-attr]

    killed = wrong.ask(account, at=NOW, pulse=replace(wrong.pulse, kills=frozenset({YEARLY})))

    assert (killed.campaigns(), killed.reason(YEARLY)) == ([HOUSE], "KILLED")


def test_no_client_shows_it_for_longer_than_a_minute(wrong: Stage) -> None:
    assert wrong.ask(subscriber(wrong), at=NOW).answer().valid_until <= micros(NOW + timedelta(seconds=60))


def test_a_kill_frees_those_whose_offer_was_pinned_by_it(wrong: Stage) -> None:
    account = subscriber(wrong)
    pin = PinFact(YEARLY, "home-hero-yearly-hero", "s15-yearly@1", micros(NOW), micros(NOW + timedelta(days=3)),
                  plan_group="music")  # fmt: skip
    subject = store.read("a", account, wrong.release.doc.layout)
    assert subject is not None
    held = Subject(replace(subject.record, pins={f"journey|{YEARLY}": pin}))
    request = wrong.ask(account, at=NOW).request
    pulse = replace(wrong.pulse, kills=frozenset({YEARLY}))

    decision = decide(wrong.release, pulse, request, held, micros(NOW), explain=True)

    assert [slot.campaign for slot in decision.answers[0].slots] == [HOUSE]
    assert decision.answers[0].losses[0].reason == "KILLED"


def test_it_is_known_who_saw_it_who_took_it_under_which_release_and_who_approved_it(
    wrong: Stage, tmp_path: Path
) -> None:
    saw, took, only_asked = subscriber(wrong), subscriber(wrong), subscriber(wrong)
    for account in (saw, took, only_asked):
        shown = wrong.ask(account, at=NOW)
        recorded(wrong, account, shown)
        if account != only_asked:
            wrong.saw(shown, YEARLY, at=NOW + timedelta(seconds=5))
    wrong.began(took, "s15-yearly", NOW + timedelta(minutes=3))

    found = incident.of_campaign(YEARLY, NOW - timedelta(hours=1), NOW + timedelta(hours=1))

    assert {each.subject: each.converted_at for each in found.seen} == {
        f"a:{saw}": None, f"a:{took}": NOW + timedelta(minutes=3)
    }  # fmt: skip
    assert found.releases == [wrong.release.digest]
    (signed,) = found.approvals
    assert (signed.requested_by, signed.decided_by) == ("demo-editor", "demo-approver")
    approval = Approval.objects.get(content_hash=signed.content_hash)
    assert approval.campaign.key == YEARLY


def test_the_report_is_a_command_with_the_accounts_in_a_file(wrong: Stage, tmp_path: Path) -> None:
    account = subscriber(wrong)
    wrong.saw(wrong.ask(account, at=NOW), YEARLY, at=NOW)
    out, file = StringIO(), tmp_path / "seen.csv"
    window = ["--since", (NOW - timedelta(hours=1)).isoformat(), "--until", (NOW + timedelta(hours=1)).isoformat()]

    call_command("report_incident", YEARLY, *window, "--csv", str(file), stdout=out)

    assert "1 saw it, 0 of them converted after it." in out.getvalue()
    assert "approved by demo-approver" in out.getvalue()
    assert file.read_text().splitlines()[1].startswith(f"a:{account},1,")


def test_those_who_saw_the_lower_price_get_it_by_a_grant(stage: Stage) -> None:
    """Back on the right price, with what they were promised; everybody else pays what it costs."""
    account, other = subscriber(stage), subscriber(stage)
    stage.allow(account, "s15-yearly", NOW, amount=WRONG, currency="SEK", expires_at=NOW + timedelta(days=30))

    def price(who: str) -> tuple[int, int | None]:
        quote = stage.ask(who, at=NOW).slot(YEARLY).quote
        assert quote is not None
        return quote.amount, quote.then

    assert price(account) == (WRONG, RIGHT)
    assert price(other) == (RIGHT, None)
