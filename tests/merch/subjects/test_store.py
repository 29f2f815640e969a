"""Does a read end in time and truthfully, whatever the serving store does?"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, perf_counter, sleep

import pytest

from merch.engine.facts import NEW_SUBJECT, Subject, SubjectRecord
from merch.subjects.packing import pack_record
from merch.subjects.store import Store
from merch.subjects.wire import Address
from tests.merch.subjects.servers import Dripping, OwnValkey, wait_for

QUICK = 0.060  # a read's 20 ms deadline, and a busy machine
KNOWN = SubjectRecord(version=3, traits={"plan": ("free", 1)})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnValkey]:
    server = OwnValkey(tmp_path)
    fill(server)
    yield server
    server.kill()


@pytest.fixture
def store(server: OwnValkey) -> Iterator[Store]:
    store = Store(server.url)
    yield store
    store.close()


def fill(server: OwnValkey) -> None:
    server.client().mset({"epoch": 1, "s:{a:acc_1}": pack_record(KNOWN, 1)})


def timed(store: Store, key: str = "acc_1") -> tuple[Subject | None, float]:
    began = perf_counter()
    found = store.read("a", key, 1)
    return found, perf_counter() - began


def reads_again(store: Store) -> bool:
    return store.read("a", "acc_1", 1) == Subject(KNOWN)


def test_a_record_is_read_in_one_round_trip(store: Store, server: OwnValkey) -> None:
    assert reads_again(store)
    assert store.read("a", "nobody", 1) == NEW_SUBJECT

    commands = server.client().info("commandstats")
    assert commands["cmdstat_mget"]["calls"] == 2
    assert "cmdstat_get" not in commands
    assert server.client().info("stats")["total_connections_received"] <= 8, "the connection is kept"


def test_without_an_epoch_an_unknown_subject_is_unreadable_not_new(store: Store, server: OwnValkey) -> None:
    server.client().delete("epoch")

    assert store.read("a", "nobody", 1) is None
    assert reads_again(store)
    assert not store.breaker.open, "the store is well, it only does not know"


def test_a_record_that_cannot_be_decoded_is_unreadable_and_the_others_are_served(
    store: Store, server: OwnValkey
) -> None:
    server.client().set("s:{a:broken}", pack_record(KNOWN, 1)[:20])

    assert store.read("a", "broken", 1) is None
    assert reads_again(store)


def test_a_refused_store_opens_the_breaker_at_the_first_miss(store: Store, server: OwnValkey) -> None:
    assert reads_again(store)
    server.kill()

    missed, first = timed(store)
    again = [timed(store) for _ in range(50)]

    assert missed is None
    assert first < QUICK
    assert store.breaker.open
    assert store.breaker.opened == 1
    assert all(found is None for found, _ in again)
    assert sum(took for _, took in again) / 50 < 0.001, "while open, nobody waits"


def test_a_killed_store_serves_again_within_a_second_of_its_return(store: Store, server: OwnValkey) -> None:
    assert reads_again(store)
    server.kill()
    assert store.read("a", "acc_1", 1) is None
    sleep(1.5)

    server.start()
    fill(server)

    assert wait_for(lambda: reads_again(store)) < 1.0


def test_a_frozen_store_costs_one_deadline_and_its_late_answer_is_nobodys(store: Store, server: OwnValkey) -> None:
    assert reads_again(store)
    server.freeze()
    try:
        missed, took = timed(store)
    finally:
        server.thaw()

    assert (missed, store.breaker.open) == (None, True)
    assert 0.015 < took < QUICK
    assert wait_for(lambda: store.read("a", "nobody", 1)) < 1.0
    assert store.read("a", "nobody", 1) == NEW_SUBJECT, "the answer about acc_1 went down with its connection"


def test_eight_threads_on_a_frozen_store_each_wait_once(store: Store, server: OwnValkey) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: reads_again(store), range(64)))
        server.freeze()
        try:
            began = monotonic()
            found = list(threads.map(lambda _: timed(store), range(800)))
            whole = monotonic() - began
        finally:
            server.thaw()

    assert all(subject is None for subject, _ in found)
    assert sum(took > 0.015 for _, took in found) <= 8
    assert max(took for _, took in found) < 0.1
    assert whole < 1.0


def test_an_answer_that_drips_is_cut_off_at_the_deadline(server: OwnValkey) -> None:
    proxy = Dripping(server.port, pause=0.005)
    store = Store(f"redis://127.0.0.1:{proxy.port}/0")
    try:
        assert reads_again(store)
        proxy.slow.set()

        missed, took = timed(store)

        assert missed is None
        assert took < QUICK
        proxy.slow.clear()
        assert wait_for(lambda: reads_again(store)) < 1.0
    finally:
        store.close()
        proxy.close()


def test_a_connection_that_idled_out_is_replaced_without_a_miss(store: Store, server: OwnValkey) -> None:
    assert reads_again(store)
    server.client().client_kill_filter(_type="normal", skipme=True)

    assert reads_again(store)
    assert store.breaker.opened == 0


def test_a_store_that_accepts_and_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        missed, took = timed(store)

        assert missed is None
        assert took < QUICK
        store.close()


def test_a_name_that_needs_a_resolver_never_makes_a_read_wait() -> None:
    store = Store("redis://serving-store.invalid:6379/0")

    missed, took = timed(store)

    assert missed is None
    assert took < 0.01
    assert store.breaker.open
    store.close()


def test_a_forked_child_has_its_own_connections(store: Store, server: OwnValkey) -> None:
    assert reads_again(store)

    child = os.fork()
    if child == 0:
        os._exit(0 if all(reads_again(store) for _ in range(100)) else 1)
    assert all(reads_again(store) for _ in range(100))

    assert os.waitpid(child, 0)[1] == 0


def test_a_forked_child_of_a_parent_in_trouble_probes_for_itself(store: Store, server: OwnValkey) -> None:
    server.kill()
    assert store.read("a", "acc_1", 1) is None
    read_end, write_end = os.pipe()

    child = os.fork()
    if child == 0:
        store.read("a", "acc_1", 1)
        os.write(write_end, b"1")
        deadline = monotonic() + 5
        while not (well := reads_again(store)) and monotonic() < deadline:
            sleep(0.02)
        os._exit(0 if well else 1)
    os.read(read_end, 1)
    server.start()
    fill(server)

    assert os.waitpid(child, 0)[1] == 0


def test_a_password_and_a_database_are_asked_for(server: OwnValkey) -> None:
    server.client().config_set("requirepass", "s3cret:/")
    good = Store(f"redis://:s3cret%3A%2F@127.0.0.1:{server.port}/2")
    bad = Store(server.url)
    try:
        assert good.read("a", "acc_1", 1) is None
        assert not good.breaker.open, "database 2 is empty, and well"
        assert bad.read("a", "acc_1", 1) is None
        assert bad.breaker.open
    finally:
        good.close()
        bad.close()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://10.0.0.7", Address("10.0.0.7", 6379, None, False, ())),
        ("rediss://u:p@store:7000/3", Address("store", 7000, None, True, (("AUTH", "u", "p"), ("SELECT", 3)))),
        ("unix:///run/valkey.sock?db=1", Address("localhost", 6379, "/run/valkey.sock", False, (("SELECT", 1),))),
    ],
)
def test_an_address_is_read_from_its_url(url: str, address: Address) -> None:
    assert Address.parse(url) == address


def test_another_kind_of_url_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="use redis://"):
        Address.parse("http://store")
