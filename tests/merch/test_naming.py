"""Is a decision's name new, in its time's order, and not shared with a forked process?"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from merch.naming import new_decision_id
from tests.merch.engine.documents import NOON


def test_names_are_of_version_7_and_carry_the_millisecond() -> None:
    name = UUID(new_decision_id(NOON + 999))

    assert (name.version, name.variant, name.int >> 80) == (7, RFC_4122, NOON // 1000)
    assert new_decision_id(NOON) < new_decision_id(NOON + 1000)


def test_no_name_comes_twice_in_any_thread() -> None:
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda _: new_decision_id(NOON), range(4_000)))

    assert len({*names}) == len(names)


def test_a_forked_process_draws_its_own() -> None:
    new_decision_id(NOON)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, new_decision_id(NOON).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 36).decode() != new_decision_id(NOON)
