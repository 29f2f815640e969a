"""Does a real-sized randomised trial read out as others have read it?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from django.db import connection

from config.env import PROJECT
from experiments.analysis import analyze
from experiments.models import Experiment, Metric
from tests.experiments.rows import experiment, metric

SHARED = PROJECT.parent / "shared"
DATA = SHARED / "data" / "starbucks_offers"
VECTORS = SHARED / "vectors" / "ml_public.json"
ZERO = datetime(2026, 1, 5, tzinfo=UTC)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not (DATA.exists() and VECTORS.exists()), reason="../shared/data is not here"),
]


def test_spend_in_the_first_week_by_offer_type() -> None:
    spend = metric("spend", Metric.Kind.MEAN, event="purchase", field="amount", window_hours=168)
    shares = {"none": 0.25, "bogo": 0.3, "discount": 0.3, "informational": 0.15}
    row = experiment("first-wave", propensities=shares, judged_by=(spend,))
    load(row)

    result = analyze(row, as_of=ZERO + timedelta(hours=168))

    wanted = next(
        case["expected"]
        for case in json.loads(VECTORS.read_text())["cases"]
        if case["id"] == "starbucks-shared-wave0-itt"
    )
    arms = {arm["arm"]: arm for arm in result["metrics"][0]["arms"]}
    assert {key: arm["n"] for key, arm in arms.items()} == wanted["arm_n"]
    assert {key: arm["value"] for key, arm in arms.items()} == pytest.approx(wanted["arm_mean"], abs=1e-6)
    for key, rounded in (("bogo", 12.727), ("discount", 14.734), ("informational", 3.491)):
        assert arms[key]["difference"] == pytest.approx(rounded, abs=1e-3)
        assert arms[key]["difference"] == pytest.approx(wanted["effect"][key]["diff"], abs=1e-6)
        assert arms[key]["error"] == pytest.approx(wanted["effect"][key]["se"], abs=1e-6)
    assert next(iter(arms)) == "none"
    assert not result["quality"]["ratio_check"]["mismatch"]
    assert {arm["verdict"] for arm in result["recommendation"]["arms"]} == {"SHIP"}


def load(row: Experiment) -> None:
    """Everybody exposed at hour 0 to the type of the offer they got then; every purchase of the month."""
    people = pd.read_parquet(DATA / "profile.parquet")["person"]
    events = pd.read_parquet(DATA / "transcript.parquet")
    kinds = {offer["id"]: offer["offer_type"] for offer in map(json.loads, offers())}
    first = events[(events["event"] == "offer received") & (events["hour"] == 0)].set_index("person")["offer_id"]
    arms = {person: kinds[first[person]] if person in first.index else "none" for person in people}
    bought = events[events["event"] == "transaction"]
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY audiences_subject"
            " (kind, key, version, traits, consent, history, marks, pins, journeys, created_at, updated_at) FROM STDIN"
        ) as copy:
            for person in people:
                copy.write_row(("a", person, 0, *["{}"] * 6, ZERO, ZERO))
        cursor.execute("SELECT key, id FROM audiences_subject")
        ids = dict(cursor.fetchall())
        with cursor.copy(
            "COPY experiments_exposure (subject_id, experiment_id, version, arm, ghost, at, source, propensity)"
            " FROM STDIN"
        ) as copy:
            for person, arm in arms.items():
                copy.write_row((ids[person], row.pk, 1, arm, arm == "none", ZERO, "backfill", 1))
        with cursor.copy(
            "COPY audiences_moneyevent (source, event_id, kind, name, subject_id, occurred_at, claimed_at,"
            " received_at, properties, digest, day) FROM STDIN"
        ) as copy:
            for seq, person, hour, amount in bought[["seq", "person", "hour", "amount"]].itertuples(index=False):
                at = ZERO + timedelta(hours=int(hour))
                said = json.dumps({"amount": round(float(amount), 2)})
                copy.write_row(
                    ("file", str(seq), "conversion", "purchase", ids[person], at, at, at, said, b"", at.date())
                )


def offers() -> list[str]:
    """The portfolio is one JSON document, or one per line."""
    text = (DATA / "portfolio.json").read_text().strip()
    return [json.dumps(each) for each in json.loads(text)] if text.startswith("[") else text.splitlines()
