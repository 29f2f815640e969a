"""Do two people who start experiments of one layer at the same moment get different subjects?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from experiments import operations
from experiments.claims import held
from experiments.models import Experiment
from experiments.problems import Refused
from tests.experiments.rows import START, experiment, metric

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_as_many_buckets_are_given_away_as_there_are() -> None:
    shared = metric("share")
    rows = [experiment(f"test-{number}", judged_by=(shared,)) for number in range(4)]
    together = Barrier(len(rows))

    def start(row: Experiment) -> str:
        try:
            together.wait()
            operations.start(row, 4000, by=None, now=START)
        except Refused as refused:
            return refused.problems[0].id
        else:
            return "started"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rows)) as pool:
        started = list(pool.map(start, rows))

    assert sorted(started) == ["layer.full", "layer.full", "started", "started"]
    assert sum(held(row) for row in Experiment.objects.all()) == 8000


def test_one_experiment_is_started_once() -> None:
    row = experiment(judged_by=(metric("share"),))
    together = Barrier(3)

    def start(_: int) -> str:
        try:
            together.wait()
            operations.start(row, 4000, by=None, now=START)
        except Refused as refused:
            return refused.problems[0].id
        else:
            return "started"
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        started = list(pool.map(start, range(3)))

    assert sorted(started) == ["experiment.move", "experiment.move", "started"]
    assert held(Experiment.objects.get()) == 4000
