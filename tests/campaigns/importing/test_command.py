"""What does the command say, and with which exit code does it end?"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audiences.models import Revision
from campaigns.models import Offer, PlanGroup
from tests.factories import UserFactory

EXAMPLES = Path(__file__).parents[3] / "examples"
PORTFOLIO = Path(__file__).parents[3].parent / "shared/data/starbucks_offers/portfolio.json"

pytestmark = pytest.mark.django_db


def run(path: Path, **options: object) -> str:
    out = StringIO()
    call_command("import_catalogue", str(path), stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.yaml"
    path.write_text("plan_groups:\n  - {key: music, name: Music}\n")
    return path


def test_a_plan_then_the_import_then_nothing_to_do(catalogue: Path) -> None:
    UserFactory(username="ann")

    assert "Plan: 1 created. Add --apply" in run(catalogue)
    assert not PlanGroup.objects.exists()
    assert "Written: 1 created." in run(catalogue, apply=True, by="ann", why="first")
    assert Revision.objects.get(object_type="plangroup").actor_name == "ann"
    assert Revision.objects.get(object_type="plangroup").why == "first"
    assert "Plan: 1 unchanged; nothing to do." in run(catalogue)


def test_problems_end_with_1_and_unreadable_files_with_2(catalogue: Path) -> None:
    with pytest.raises(CommandError, match="nobody") as unknown:
        run(catalogue, by="nobody")
    catalogue.write_text("plan_groups:\n  - {name: Music}\n  - {key: a, nam: b}\n")
    with pytest.raises(CommandError, match="2 problems; nothing was written") as wrong:
        run(catalogue, apply=True)
    catalogue.write_text("plan_groups: [")
    with pytest.raises(CommandError) as unreadable:
        run(catalogue)

    assert (wrong.value.returncode, unreadable.value.returncode, unknown.value.returncode) == (1, 2, 2)


def test_problems_are_kept_one_a_line_beside_the_file(catalogue: Path) -> None:
    catalogue.write_text("plan_groups:\n  - {name: Music}\n  - {key: a, nam: b}\n")

    with pytest.raises(CommandError, match="They stand in"):
        run(catalogue, apply=True)
    with pytest.raises(CommandError, match="could not be kept"):
        run(catalogue, apply=True, rejects=catalogue.parent / "nowhere" / "x.jsonl")

    kept = [json.loads(line) for line in Path(f"{catalogue}.rejects.jsonl").read_text().splitlines()]
    assert [each["where"] for each in kept] == ["plan_groups[0]", "plan_groups[1] (a)"]
    assert all(each["sentence"] and each["hint"] for each in kept)


@pytest.mark.skipif(not PORTFOLIO.exists(), reason="the offers of the rewards programme are not here")
def test_a_real_portfolio_becomes_reward_offers() -> None:
    mapping = EXAMPLES / "starbucks/offers.yaml"

    assert "Written: 10 created." in run(PORTFOLIO, mapping=mapping, apply=True)
    assert "10 unchanged" in run(PORTFOLIO, mapping=mapping, apply=True)

    offer = Offer.objects.get(key="ae264e3637204a6fb9bb56bc8210ddfd")
    assert (offer.mechanic, offer.plan_id) == ("REWARD", None)
    assert offer.versions.get().terms == {
        "reward": 10, "difficulty": 10, "duration_hours": 168, "channels": ["email", "mobile", "social"],
    }  # fmt: skip
