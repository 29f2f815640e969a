"""What does the environment say? (The only module that reads environment variables.)"""

import os
from dataclasses import dataclass
from pathlib import Path

import environ

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8000
LAST_TOKEN_KEY = 255  # a key's number is one byte of its tokens

# These hosts cannot exist (RFC 2606), so a process that was started without its servers says so by name.
NO_DATABASE = "postgres://merch@database-url-is-not-set.invalid/merch"
NO_REDIS = "redis://redis-url-is-not-set.invalid:6379/0"


@dataclass(frozen=True, slots=True)
class Environment:
    """Every variable the project knows, typed. An empty variable counts as unset.

    ``database_url`` and ``redis_url`` are None when unset: manage.py and `make` then use the embedded
    servers. ``broker_url`` defaults to ``redis_url``. ``merch_secret`` is the server secret as text; None means the
    file ``<home>/secret``. ``token_keys``: numbers of the keys of tokens and quotes; the first signs.
    ``xdist_worker`` is the position of a test worker, None outside pytest-xdist.
    """

    database_url: str | None
    redis_url: str | None
    broker_url: str | None
    home: Path
    port: int
    deployment: str
    secret_key: str | None
    merch_secret: str | None
    token_keys: tuple[int, ...]
    debug: bool
    allowed_hosts: tuple[str, ...]
    csrf_trusted_origins: tuple[str, ...]
    web_workers: int
    front: bool
    xdist_worker: int | None


def read() -> Environment:
    """The environment as it is now."""
    env = environ.Env()

    def text(name: str) -> str | None:
        return env.str(name, default="").strip() or None

    def number(name: str, default: int) -> int:
        return env.int(name) if text(name) else default

    def words(name: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in env.list(name, default=[]) if word.strip())

    redis_url = text("REDIS_URL")
    worker = text("PYTEST_XDIST_WORKER") or ""
    return Environment(
        database_url=text("DATABASE_URL"),
        redis_url=redis_url,
        broker_url=text("BROKER_URL") or redis_url,
        home=absolute(text("MERCH_HOME") or ".local"),
        port=number("PORT", DEFAULT_PORT),
        deployment=text("MERCH_DEPLOYMENT") or "local",
        secret_key=text("SECRET_KEY"),
        merch_secret=text("MERCH_SECRET"),
        token_keys=key_numbers(words("MERCH_TOKEN_KEYS") or ("1",)),
        debug=env.bool("DEBUG") if text("DEBUG") else False,
        allowed_hosts=words("ALLOWED_HOSTS"),
        csrf_trusted_origins=words("CSRF_TRUSTED_ORIGINS"),
        web_workers=number("WEB_WORKERS", 1),
        front=env.bool("MERCH_FRONT") if text("MERCH_FRONT") else True,
        xdist_worker=int(worker.removeprefix("gw")) if worker.startswith("gw") else None,
    )


def key_numbers(given: tuple[str, ...]) -> tuple[int, ...]:
    """Numbers of token keys, the one that signs first."""
    numbers = [int(each) if each.isascii() and each.isdigit() else 0 for each in given]
    if len(set(numbers)) < len(numbers) or not all(1 <= number <= LAST_TOKEN_KEY for number in numbers):
        raise ValueError(f"MERCH_TOKEN_KEYS: {','.join(given)} are not different numbers of 1 to {LAST_TOKEN_KEY}.")
    return tuple(numbers)


def absolute(home: str) -> Path:
    """``home`` as an absolute path; a relative one starts at the project, wherever a command runs."""
    return (PROJECT / Path(home).expanduser()).resolve()


def for_child(**changes: str | None) -> dict[str, str]:
    """This process's environment with ``changes`` applied, for a child process; None removes a variable."""
    child = dict(os.environ)
    for name, value in changes.items():
        if value is None:
            child.pop(name, None)
        else:
            child[name] = value
    return child


def set_here(**values: str) -> None:
    """Give this very process variables it was started without, before settings are read."""
    os.environ.update(values)


def set_default(name: str, value: str) -> None:
    """Give this process a variable unless it already has one."""
    os.environ.setdefault(name, value)
