"""What the tests of intake stand on: declared events, and a serving store that knows everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from audiences.models import EventDefinition
from merch.subjects.store import store as serving_store
from tests.factories import EventDefinitionFactory


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    """A plain event of apps, one that is remembered, one that money hangs on, and a conversion."""
    EventDefinition.objects.all().delete()
    EventDefinitionFactory(name="listen", fields={"minutes": "int", "content": "string"}, from_clients=True)
    EventDefinitionFactory(name="shared", in_history=True)
    EventDefinitionFactory(name="paid", money=True, fields={"amount": "decimal"})
    EventDefinitionFactory(name="subscribe", money=True, fields={"amount_minor": "int", "spend": "decimal"})


@pytest.fixture(autouse=True)
def whole_store(valkey: redis.Redis) -> Iterator[None]:
    valkey.set("epoch", 0)
    assert serving_store.warm()
    yield
    serving_store.close()
