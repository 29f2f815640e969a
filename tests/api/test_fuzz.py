"""Do the doors hold against calls made up from their own schema? (A short run; raise max_examples for a long one.)"""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from merch.keys import Scope
from tests.api.conftest import MakeKey
from tests.factories import EventDefinitionFactory, UserFactory, ready_campaign

pytestmark = pytest.mark.django_db

CHECKED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SHORT = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def schema(valkey: redis.Redis) -> Iterator[Any]:
    """The doors as a server would call them, but inside the transaction of the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/v1/schema", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def keys(make_key: MakeKey) -> dict[bool, str]:
    """By whether the address is one of management."""
    ready_campaign()
    EventDefinitionFactory(name="listen", from_clients=True)
    person = UserFactory(is_superuser=True)
    return {True: make_key(Scope.MANAGE, person=person.pk), False: make_key(Scope.SERVER)}


def check(operation: Any, key: str) -> None:
    """Send what the schema lets one make up for ``operation``, right and wrong."""

    @SHORT
    @given(case=operation.as_strategy())
    def holds(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers={"Authorization": f"Bearer {key}"})
        assert response.elapsed < 2.0
        case.validate_response(response, checks=CHECKED)

    holds()


def test_made_up_calls_are_answered_as_the_schema_says(schema: Any, keys: dict[bool, str]) -> None:
    operations = [result.ok() for result in schema.get_all_operations()]

    for operation in operations:
        check(operation, keys[operation.path.startswith("/v1/manage/")])

    assert len(operations) > 20
