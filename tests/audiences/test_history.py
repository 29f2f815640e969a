"""Is what is remembered of a subject independent of the order in which events arrive, and bounded?"""

from itertools import permutations
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from audiences.history import MOST_INSTANTS, bound, fold, fold_into, history_reads, session_hash

happenings = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), min_size=1, max_size=40)


def folded(events: list[tuple[int, int]]) -> list[Any] | None:
    cell = None
    for instant, session in events:
        cell = fold(cell, instant, session)
    return cell


@given(happenings.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_any_order_of_arrival_leaves_the_same_cell(orders: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
    given_order, another = orders

    assert folded(given_order) == folded(another)


@given(happenings)
def test_a_cell_counts_everything_and_keeps_the_newest(events: list[tuple[int, int]]) -> None:
    count, first, last, instants, sessions = folded(events) or []

    newest = sorted(events)[-MOST_INSTANTS:]
    assert (count, first, last) == (len(events), min(events)[0], max(at for at, _ in events))
    assert list(zip(instants, sessions, strict=True)) == newest


def test_folding_leaves_the_given_cell_as_it_is() -> None:
    before = fold(None, 5)

    fold(before, 6)

    assert before == [1, 5, 5, [5], [0]]


def test_one_event_is_folded_into_every_cell_it_touches() -> None:
    history: dict[str, list[Any]] = {}

    fold_into(history, ("campaign|spring|impression", "all||impression"), 7, 3)

    assert history == {name: [1, 7, 7, [7], [3]] for name in ("campaign|spring|impression", "all||impression")}


def test_a_session_is_16_bits_and_never_mistaken_for_none() -> None:
    assert session_hash("") == 0
    assert all(1 <= session_hash(f"session-{number}") < 2**16 for number in range(2_000))


def crowd() -> dict[str, list[Any]]:
    """Thirty cells, touched in the order of their numbers, each full."""
    history: dict[str, list[Any]] = {}
    for number in range(30):
        for at in range(25):
            fold_into(history, (f"offer|o{number:02}|impression",), 1_700_000_000_000_000 + number * 1_000 + at, 9)
    return history


def size(history: dict[str, list[Any]]) -> int:
    return len(msgspec.msgpack.encode(history))


def test_past_the_bound_the_least_recently_touched_lose_their_instants_first() -> None:
    history = crowd()
    before = size(history)

    cut = bound(history, 1_000, lambda name: False)

    assert before - size(history) >= 1_000
    assert (cut.emptied, cut.dropped) == (5, 0)
    assert [name for name, cell in history.items() if not cell[3]] == [f"offer|o{n:02}|impression" for n in range(5)]
    assert all(cell[0] == 25 for cell in history.values()), "counts, first and last stay"


def test_whole_cells_go_only_when_instants_are_not_enough_and_never_those_that_are_read() -> None:
    history = crowd()
    read = {"offer|o00|impression", "offer|o07|impression"}
    full = {name: list(history[name]) for name in read}

    cut = bound(history, 1_000_000, read.__contains__)

    assert history == full
    assert cut == (28, 28)


def test_rules_name_the_cells_they_read_wherever_they_stand_in_a_document() -> None:
    seen = {
        "history": "offer",
        "key": "trial",
        "agg": "count",
        "of": "conversion",
        "window": 7,
        "op": "gte",
        "value": 1,
    }
    ever = {"history": "all", "agg": "last", "of": "impression", "op": "present"}
    document = {"v": 1, "rule": {"all": [{"not": seen}, {"any": [ever, {"trait": "plan", "op": "present"}]}]}}

    assert history_reads(document) == {("offer", "trial", "conversion"), ("all", "", "impression")}
    assert history_reads({}) == history_reads({"v": 1, "rule": {"all": []}}) == set()


def test_three_events_in_every_order() -> None:
    events = [(30, 1), (10, 2), (20, 1)]

    assert {str(folded(list(order))) for order in permutations(events)} == {"[3, 10, 30, [10, 20, 30], [2, 1, 1]]"}
