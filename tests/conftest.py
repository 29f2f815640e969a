"""What does every test stand on?"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import redis
from django.apps import apps
from django.db import connection
from pytest_django import Settings

from audiences.models import ServingEpoch, TraitDefinition
from config import env


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
def platform_rows(transactional_db: None) -> None:
    """The rows that migrations make, for a test that commits: the test before it emptied every table."""
    if not TraitDefinition.objects.exists():
        ServingEpoch.objects.all().delete()
        import_module("audiences.migrations.0003_platform_definitions").create(apps, None)


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
