"""What do simulated devices talk to? (The doors beneath HTTP, a real store and a real database.)"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from pytest_django import Settings

from merch.api.rest import decisions
from merch.recording import Recorder
from merch.releases import serving
from merch.subjects.store import store
from tests.api.conftest import Ring


@pytest.fixture
def ring(settings: Settings) -> Iterator[Ring]:
    """What is served; a test puts its release in."""
    kept = serving.serving._state, serving.serving._pid
    made = Ring(settings)
    made.hold()
    yield made
    serving.serving._state, serving.serving._pid = kept


@pytest.fixture
def server(ring: Ring, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    """Everything that answers: a whole serving store, and nobody who writes decisions down."""
    monkeypatch.setattr(decisions, "recorder", Recorder(follow=False))
    valkey.set("epoch", 0)
    assert store.warm()
    yield ring
    store.close()
