"""What does every test stand on?"""

from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path

import pytest
import redis
from django.apps import apps
from django.db import connection
from pytest_django import Settings
from pytest_django.plugin import blocking_manager_key

from audiences.models import ServingEpoch, TraitDefinition
from config import env


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """The rows that migrations make are there for every test, also after one that commits, whose end empties all."""
    yield
    if nextitem is not None and commits(item):
        with item.config.stash[blocking_manager_key].unblock():
            restore()


def commits(item: pytest.Item) -> bool:
    """Does this test write for real, so that every table is emptied after it?"""
    marker = item.get_closest_marker("django_db")
    return bool(marker and marker.kwargs.get("transaction")) or "transactional_db" in getattr(item, "fixturenames", ())


def restore() -> None:
    """Make the platform's definitions again, and the epoch row with them."""
    if not TraitDefinition.objects.exists():
        ServingEpoch.objects.all().delete()
        import_module("audiences.migrations.0003_platform_definitions").create(apps, None)


@pytest.fixture(autouse=True)
def own_home(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every test has an empty MERCH_HOME: what one writes to disk, another never reads."""
    home = tmp_path_factory.mktemp("home")
    settings.MERCH_HOME = home
    return home


@pytest.fixture
def valkey(settings: Settings) -> Iterator[redis.Redis]:
    """A client of this worker's own logical database, empty before and after."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def child_environment(settings: Settings, own_home: Path) -> dict[str, str]:
    """The environment in which a command run by a test meets that test's database, Valkey and home.

    What the test has written is visible there only once committed (``transactional_db``).
    """
    database = connection.settings_dict
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    return env.for_child(
        DJANGO_SETTINGS_MODULE="config.settings.local",
        DATABASE_URL=url,
        REDIS_URL=settings.REDIS_URL,
        BROKER_URL=None,
        MERCH_HOME=str(own_home),
        MERCH_SECRET=settings.MERCH_SECRET.decode(),
        MERCH_DEPLOYMENT=settings.MERCH_DEPLOYMENT,
        PYTEST_XDIST_WORKER=None,
    )
