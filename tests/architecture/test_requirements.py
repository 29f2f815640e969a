"""Is everything we install pinned, and used?"""

import re
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.sources import PROJECT, sources

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?==[0-9][^\s]*$")
# Used without being imported: by name in a setting, as a program, or by another package.
BY_OTHERS = {
    "argon2-cffi": "Django's Argon2PasswordHasher",
    "granian": "the web server, a program",
    "hiredis": "redis-py",
    "psycopg": "Django's PostgreSQL backend",
    "pytest-xdist": "pytest -n",
    "pytest-timeout": "the timeout in pyproject.toml",
    "ruff": "make check",
    "mypy": "make check",
    "import-linter": "make check",
    "django-stubs": "mypy",
    "djangorestframework-stubs": "mypy",
    "types-pyyaml": "mypy",
    "tzdata": "zoneinfo, where the system has no zone files or older ones",
}


def pins(name: str) -> list[str]:
    """The requirement lines of a file, without comments and inclusions."""
    lines = [line.partition("#")[0].strip() for line in (PROJECT / name).read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("-r ")]


@cache
def named() -> str:
    """Everything a package could be named in: our sources and settings, as one text."""
    return "\n".join(source.text for source in sources())


@pytest.mark.parametrize("line", pins("requirements.txt") + pins("requirements-dev.txt"))
def test_a_requirement_is_pinned_and_used(line: str) -> None:
    pinned = PIN.match(line)
    assert pinned, f"{line} is not pinned"
    if pinned["name"] in BY_OTHERS:
        return

    modules = [
        module for module, owners in packages_distributions().items() if pinned["name"] in map(canonical, owners)
    ]
    assert any(re.search(rf"\b{re.escape(module)}\b", named()) for module in modules), f"nothing uses {line}"


@pytest.mark.parametrize("line", pins("requirements-bench.txt"))
def test_a_peer_is_pinned(line: str) -> None:
    """It is not installed where only tests run."""
    assert PIN.match(line), f"{line} is not pinned"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"])
def test_each_requirement_says_what_it_is_for(file: str) -> None:
    lines = [line for line in (PROJECT / file).read_text().splitlines() if "==" in line.partition("#")[0]]

    assert [line for line in lines if not line.partition("#")[2].strip()] == []


@pytest.mark.parametrize("name", sorted(BY_OTHERS))
def test_an_exception_is_still_needed(name: str) -> None:
    every = pins("requirements.txt") + pins("requirements-dev.txt")

    assert name in {canonical(PIN.match(line)["name"]) for line in every if PIN.match(line)}  # type: ignore[index]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
