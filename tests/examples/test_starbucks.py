"""The walk from files to verified decisions, on real input; a week of it, so that it is short.

The data may not be passed on, so they stand beside the repository or nowhere.
"""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from examples.starbucks.expected import Files
from examples.starbucks.walk import Walk
from merch.subjects.store import store
from tests.architecture.sources import PROJECT

SHARED = PROJECT.parent / "shared"
DATA = SHARED / "data" / "starbucks_offers"
FIRST_WEEK = 168  # hours: all that the read-out's window reads
ASKED = 400

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="../shared/data/starbucks_offers is not here"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def first_week(tmp_path: Path) -> Path:
    """The same people and offers, and the events of the first week."""
    for name in ("profile.parquet", "portfolio.json"):
        shutil.copy(DATA / name, tmp_path / name)
    events = pq.read_table(DATA / "transcript.parquet")
    pq.write_table(events.filter(pc.less(events["hour"], FIRST_WEEK)), tmp_path / "transcript.parquet")
    return tmp_path


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("transactional_db", "valkey")
def test_every_step_gives_what_pandas_counts(first_week: Path, child_environment: dict[str, str]) -> None:
    said: list[str] = []
    walk = Walk(first_week, environment=child_environment, as_of=date(2018, 8, 8), most=ASKED, say=said.append)
    store.warm()

    walk.all()
    store.close()

    assert [line.split()[3] for line in said if line.startswith("[")] == [
        "catalogue", "people", "events", "exposures", "audiences", "read_out", "campaigns", "decisions", "verification",
    ]  # fmt: skip
    assert said[-1].endswith("decisions made again, 0 differences")


def test_pandas_itself_counts_what_was_measured_for_these_files() -> None:
    vectors = json.loads((SHARED / "vectors" / "ml_public.json").read_text())["cases"]
    wanted = next(case for case in vectors if case["id"] == "starbucks-shared-wave0-itt")["expected"]["effect"]

    for arm, (difference, error) in Files(DATA).effects().items():
        assert difference == pytest.approx(wanted[arm]["diff"], abs=1e-6)
        assert error == pytest.approx(wanted[arm]["se"], abs=1e-6)
