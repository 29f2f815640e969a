"""Which keys are in force, and through which client do tests come in?"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from merch.engine.compiling import compile_release
from merch.engine.document import Pulse, ReleaseDoc
from merch.keys import KeyEntry, Keyring, Scope, digest_of, server_secret
from merch.releases import serving
from merch.releases.serving import State

MakeKey = Callable[..., str]


class Ring:
    """The keys of this test; no thread follows PostgreSQL, so nothing changes behind a test's back."""

    def __init__(self, settings: Settings) -> None:
        self.entries: list[KeyEntry] = []
        self.release = compile_release(ReleaseDoc(deployment=settings.MERCH_DEPLOYMENT, tzdata=""))

    def add(self, scope: Scope, **more: Any) -> str:
        number = len(self.entries) + 1
        key = f"mk_{scope.value[0]}{number:043d}"
        self.entries.append(KeyEntry(digest_of(key, server_secret()), number, f"app-{number}", scope, **more))
        self.hold()
        return key

    def hold(self) -> None:
        entries = {entry.digest: entry for entry in self.entries}
        origins = frozenset(origin for entry in self.entries for origin in entry.origins)
        ring = Keyring(entries, origins)
        serving.serving._state = State(self.release, 1, Pulse(number=1), ring, "live", time.monotonic())
        serving.serving._pid = os.getpid()


@pytest.fixture
def ring(settings: Settings) -> Iterator[Ring]:
    """An empty ring of keys, in force."""
    kept = serving.serving._state, serving.serving._pid
    made = Ring(settings)
    made.hold()
    yield made
    serving.serving._state, serving.serving._pid = kept


@pytest.fixture
def make_key(ring: Ring) -> MakeKey:
    """Makes keys that are in force: make_key(Scope.CLIENT, origins=(...))."""
    return ring.add


@pytest.fixture
def server_key(make_key: MakeKey) -> str:
    return make_key(Scope.SERVER)


@pytest.fixture
def client_key(make_key: MakeKey) -> str:
    return make_key(Scope.CLIENT)


@pytest.fixture
def caller() -> Client:
    """A client whose exceptions become answers, as in production."""
    return Client(raise_request_exception=False)


@pytest.fixture
def no_sql(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Any query fails the test."""
    with django_db_blocker.block():
        yield
