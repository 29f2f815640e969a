"""What do the tests of runs stand on?"""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from audiences.membership import runs
from tests.audiences.membership import judge, population


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred subjects make six shards or so."""
    monkeypatch.setattr(runs, "SHARD", 50)


@pytest.fixture
def world(db: None, small_shards: None, settings: Settings) -> Callable[..., judge.World]:
    """Makes a population, its events and the judge's audiences."""

    def make(subjects: int = 300, each: float = 12) -> judge.World:
        population.define()
        made = population.populate(subjects)
        doings = population.doings(made, each)
        population.happen(doings)
        for slug, (rule, _) in judge.AUDIENCES.items():
            if rule:
                population.audience(slug, rule)
            else:
                population.listed(slug, made[::7])
        return judge.World(doings)

    return make


@pytest.fixture
def some_world(world: Callable[..., Any]) -> judge.World:
    return world()  # type: ignore[no-any-return]
