"""S13: are two in a hundred withheld from what sells, from nothing else, and is it known of every date who was?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from audiences.hashing import bucket
from audiences.moments import micros
from experiments.assignment import held_out
from experiments.draws import spec_of
from experiments.models import Holdout
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.facts import Asked, Decision, Request
from tests.merch.engine.documents import subject
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import CONTEXT, Stage

SCENARIO = "S13"
EVERYWHERE = ("home-hero", "now-playing-card", "checkout-banner", "account-page")
FIRST, SECOND = "holdout:s13-everything:1", "holdout:s13-everything:2"
QUARTER, DARK = timedelta(days=91), timedelta(days=28)
INSTANT = timedelta(microseconds=1)
IDS = [f"acc_{number}" for number in range(20_000)]


def asked(release: Release, stage: Stage, key: str, *placements: str, kind: str = "a", state: str = "FREE") -> Decision:
    """Of anybody, without storing twenty thousand of them."""
    request = Request(
        decision_id="0", kind=kind, key=key, placements=tuple(Asked(each) for each in placements), context=CONTEXT
    )
    known = subject(record={"consent": {"personalisation": (True, 0)}}, subscription_state=state, birth_date=7_000)
    return decide(release, stage.pulse, request, known, micros(NOW), explain=True)


def reasons(decision: Decision) -> dict[str, str]:
    lost = {loss.campaign: loss.reason for answer in decision.answers for loss in answer.losses}
    return lost | {slot.campaign: answer.reason for answer in decision.answers for slot in answer.slots}


def a_member(salt: str, size: int = 200, but_of: str = "") -> str:
    """Somebody of one group, and not of another."""
    return next(
        key for key in IDS if bucket(salt, key) < size and (not but_of or bucket(but_of, key) >= size)
    )  # fmt: skip


def test_a_member_sees_law_and_service_and_nothing_that_sells_or_guides(stage: Stage) -> None:
    found = reasons(asked(stage.release, stage, a_member(FIRST), *EVERYWHERE))

    assert (found["s13-offer"], found["s13-welcome"]) == ("HOLDOUT_GLOBAL", "HOLDOUT_GLOBAL")
    assert (found["s13-payment"], found["s13-terms"]) == ("SELECTED", "SELECTED")


def test_everybody_else_sees_everything(stage: Stage) -> None:
    outsider = next(key for key in IDS if bucket(FIRST, key) >= 200)

    assert set(reasons(asked(stage.release, stage, outsider, *EVERYWHERE)).values()) <= {"SELECTED", "TARGETING_MISS"}


def test_two_in_a_hundred_are_members(stage: Stage) -> None:
    share = sum(bucket(FIRST, key) < 200 for key in IDS) / len(IDS)

    assert 0.017 < share < 0.023


def test_the_domain_withholds_five_in_a_hundred_of_the_others_and_only_its_domain(stage: Stage) -> None:
    key = next(key for key in IDS if bucket("holdout:s13-win-back:1", key) < 500 and bucket(FIRST, key) >= 200)

    found = reasons(asked(stage.release, stage, key, "home-hero", state="CHURNED_VOLUNTARY"))

    assert (found["s13-come-back"], found["s13-offer"]) == ("HOLDOUT_DOMAIN", "SELECTED")


def test_who_is_withheld_leaves_a_ghost_and_everybody_else_in_scope_a_mark_of_the_same_kind(stage: Stage) -> None:
    held = asked(stage.release, stage, a_member(FIRST), "home-hero").exposures
    free = asked(stage.release, stage, next(key for key in IDS if bucket(FIRST, key) >= 200), "home-hero").exposures

    assert [(each.test, each.version, each.arm, each.ghost, each.propensity) for each in held] == [
        ("holdout|s13-everything", 1, "held_out", True, 0.02)
    ]
    assert [(each.test, each.version, each.arm, each.ghost, each.propensity) for each in free] == [
        ("holdout|s13-everything", 1, "treated", False, 0.98)
    ]


@pytest.mark.parametrize(
    ("after", "held"),
    [
        pytest.param(timedelta(0), True, id="from-its-first-instant"),
        pytest.param(QUARTER - INSTANT, True, id="to-the-end-of-the-quarter"),
        pytest.param(QUARTER + DARK - INSTANT, True, id="dark-four-weeks-more"),
        pytest.param(QUARTER + DARK, False, id="then-released"),
    ],
)
def test_the_last_quarters_group_stays_dark_four_weeks(stage: Stage, after: timedelta, held: bool) -> None:
    key = a_member(FIRST, but_of=SECOND)
    stage.know(key, NOW, consent=True, market="SE", birth_date="1990-05-04", subscription_state="FREE")

    shown = stage.ask(key, at=NOW + after)

    assert (shown.reason("s13-offer") == "HOLDOUT_GLOBAL") is held


def test_the_new_quarter_draws_anew_from_its_first_instant(stage: Stage) -> None:
    key = a_member(SECOND, but_of=FIRST)
    stage.know(key, NOW, consent=True, market="SE", birth_date="1990-05-04", subscription_state="FREE")

    assert stage.ask(key, at=NOW + QUARTER - INSTANT).campaigns() == ["s13-offer"]
    assert stage.ask(key, at=NOW + QUARTER).reason("s13-offer") == "HOLDOUT_GLOBAL"


def test_membership_of_any_date_follows_from_id_and_date_alone(stage: Stage) -> None:
    """By the rows, without a decision, as of dates past and to come; the decision agrees."""
    spec = spec_of(Holdout.objects.get(key="s13-everything"))
    for key in (a_member(FIRST, but_of=SECOND), a_member(SECOND, but_of=FIRST), "acc_7"):
        stage.know(key, NOW, consent=True, market="SE", birth_date="1990-05-04", subscription_state="FREE")
        for days in (0, 1, 90, 91, 100, 118, 119, 200):
            at = NOW + timedelta(days=days)
            withheld = stage.ask(key, at=at).reason("s13-offer") == "HOLDOUT_GLOBAL"
            assert withheld is held_out(spec, key, micros(at))
    assert not held_out(spec, a_member(FIRST), micros(NOW - INSTANT))


def test_growing_from_two_to_three_per_cent_adds_people_and_releases_nobody(stage: Stage) -> None:
    (everything,) = [each for each in stage.release.doc.holdouts if each.key == "s13-everything"]
    larger = replace(everything, draws=(replace(everything.draws[0], size=300),))
    others = [each for each in stage.release.doc.holdouts if each.key != "s13-everything"]
    grown = compile_release(replace(stage.release.doc, holdouts=(*others, larger)))

    def members(release: Release) -> set[str]:
        found = {key: reasons(asked(release, stage, key, "home-hero"))["s13-offer"] for key in IDS[:3_000]}
        return {key for key, code in found.items() if code == "HOLDOUT_GLOBAL"}

    before, after = members(stage.release), members(grown)
    assert before < after
    assert after == {key for key in IDS[:3_000] if bucket(FIRST, key) < 300}


def test_before_login_the_device_is_asked_and_after_it_the_account(stage: Stage) -> None:
    """A device that is held out does not hold its account out; both are drawn by their own id."""
    device = a_member(FIRST)
    account = next(key for key in IDS if bucket(FIRST, key) >= 200)

    before = asked(stage.release, stage, device, "home-hero", kind="d")
    after = asked(stage.release, stage, account, "home-hero")

    assert reasons(before)["s13-offer"] == "HOLDOUT_GLOBAL"
    assert reasons(after)["s13-offer"] == "SELECTED"
