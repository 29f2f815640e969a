"""A scenario is put on stage once for all tests of its module; what is committed for it is removed after them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from merch.subjects.rebuilding import rebuild
from tests.conftest import restore
from tests.scenarios.stage import Stage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test writes in a transaction of its own, on top of what was committed for the module."""
    for item in items:
        if "stage" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """The scenario that the module names as SCENARIO, as of NOW or the module's own STAGED_AT."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    # A home of its own: what another scenario published must not be found on disk.
    home = override_settings(MERCH_HOME=tmp_path_factory.mktemp("stage"))
    with django_db_blocker.unblock(), home:
        restore()
        client.flushdb()
        now = getattr(request.module, "STAGED_AT", NOW)
        try:
            rebuild(now=now)
            yield Stage(request.module.SCENARIO, now)
        finally:
            call_command("flush", verbosity=0, interactive=False)
            restore()
            client.flushdb()
            client.close()
