"""Are variables read with their types, and are empty ones nothing?"""

from pathlib import Path

import pytest

from config import env
from config.settings.test import redis_of_worker

VARIABLES = [
    "DATABASE_URL",
    "REDIS_URL",
    "BROKER_URL",
    "MERCH_HOME",
    "PORT",
    "MERCH_DEPLOYMENT",
    "SECRET_KEY",
    "MERCH_SECRET",
    "MERCH_TOKEN_KEYS",
    "DEBUG",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "WEB_WORKERS",
    "MERCH_FRONT",
    "PYTEST_XDIST_WORKER",
]


@pytest.mark.parametrize("value", [None, "", " "], ids=["unset", "empty", "blank"])
def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)

    read = env.read()

    assert (read.database_url, read.redis_url, read.broker_url, read.secret_key) == (None, None, None, None)
    assert (read.port, read.deployment, read.debug, read.allowed_hosts) == (8000, "local", False, ())
    assert (read.home, read.token_keys, read.front) == (env.PROJECT / ".local", (1,), True)


def test_values_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "PORT": "8123",
        "DEBUG": "true",
        "ALLOWED_HOSTS": "a.example,b.example",
        "PYTEST_XDIST_WORKER": "gw1",
        "MERCH_FRONT": "no",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    read = env.read()

    assert (read.port, read.debug, read.allowed_hosts) == (8123, True, ("a.example", "b.example"))
    assert (read.xdist_worker, read.front) == (1, False)


def test_the_broker_is_the_serving_store_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://one/0")
    monkeypatch.delenv("BROKER_URL", raising=False)
    assert env.read().broker_url == "redis://one/0"

    monkeypatch.setenv("BROKER_URL", "redis://two/0")
    assert env.read().broker_url == "redis://two/0"


@pytest.mark.parametrize(
    ("given", "home"),
    [
        pytest.param("elsewhere", env.PROJECT / "elsewhere", id="relative-to-the-project"),
        pytest.param("/srv/merch", Path("/srv/merch"), id="absolute"),
        pytest.param("~/merch", Path.home() / "merch", id="in-my-home"),
    ],
)
def test_a_home_does_not_depend_on_where_a_command_runs(given: str, home: Path) -> None:
    assert env.absolute(given) == home.resolve()


@pytest.mark.parametrize(
    ("url", "worker", "mine"),
    [
        pytest.param("redis://h:1/0", None, "redis://h:1/1", id="alone"),
        pytest.param("redis://h:1", 0, "redis://h:1/2", id="first-worker"),
        pytest.param("redis://:p@h:1/3", 1, "redis://:p@h:1/6", id="second-worker-after-three"),
    ],
)
def test_no_test_process_shares_a_logical_database(url: str, worker: int | None, mine: str) -> None:
    assert redis_of_worker(url, worker) == mine


def test_the_first_token_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCH_TOKEN_KEYS", "2, 1")

    assert env.read().token_keys == (2, 1)


@pytest.mark.parametrize("numbers", ["0", "256", "1,1", "1,01", "one", "-1", "1;2", "\u0661"])
def test_token_keys_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, numbers: str) -> None:
    monkeypatch.setenv("MERCH_TOKEN_KEYS", numbers)

    with pytest.raises(ValueError, match="MERCH_TOKEN_KEYS"):
        env.read()
