"""Do settings refuse to guess in production, and do their promises hold on a real connection?"""

import subprocess
import sys

import pytest
from django.conf import LazySettings
from django.db import connection

from config import env
from config.celery import app

GIVEN = {
    "DATABASE_URL": "postgres://merch@db.example/merch",
    "REDIS_URL": "redis://valkey.example/0",
    "SECRET_KEY": "k" * 60 + "0123456789",
    "MERCH_SECRET": "s" * 64,
    "ALLOWED_HOSTS": "merch.example",
}


def checked(variables: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    given = env.for_child(DJANGO_SETTINGS_MODULE="config.settings.production", **variables)
    return subprocess.run(words, cwd=env.PROJECT, env=given, capture_output=True, text=True, check=False)


def test_production_names_everything_that_is_missing_at_once() -> None:
    missing: dict[str, str | None] = {name: None for name in GIVEN if not name.endswith("_URL")}
    told = checked({**GIVEN, **missing}).stderr

    assert "Set SECRET_KEY, MERCH_SECRET, ALLOWED_HOSTS in the environment" in told


def test_production_passes_its_own_checks() -> None:
    told = checked(dict(GIVEN))

    assert told.returncode == 0, told.stderr


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "30s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("TimeZone", "UTC"),
    ],
)
def test_every_connection_carries_its_timeouts(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select current_setting(%s)", [name])
        assert cursor.fetchone() == (value,)


def test_background_work_is_redelivered_and_never_unpickled(settings: LazySettings) -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.result_backend is None
    assert app.conf.broker_transport_options["visibility_timeout"] >= 2 * app.conf.task_time_limit
    assert app.conf.broker_url == settings.REDIS_URL


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    named = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert named <= set(app.tasks)
