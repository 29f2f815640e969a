"""What does a client see when PostgreSQL or Valkey dies, freezes or refuses?

Steady questions through the wire to a real web process. Limits of time are relative to the healthy phase of the same
run, because the machine may be busy; what is shown and refused is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import NamedTuple

import pytest
from django.utils import timezone

from tests.faults.hand import FREE_ACCOUNTS, PAYING_ACCOUNTS
from tests.faults.load import Answer, Line, Load, asking, decisions, differing, due_in, events, percentile
from tests.faults.rig import Rig, until
from tests.faults.table import Table

pytestmark = pytest.mark.xdist_group("drills")  # one rig, and no other drill beside it

SUBJECTS = (*FREE_ACCOUNTS, *PAYING_ACCOUNTS, "nobody-yet")
RATE = 60.0  # decisions a second
SLACK = 0.5  # seconds that a busy machine may add to a deadline
STALL = 250  # milliseconds for which a busy machine may do something else
HELD = 0.7  # seconds; a call that takes longer than this was held, not refused


class Phase(NamedTuple):
    begin: float
    end: float


def during(seconds: float) -> Phase:
    """Ends a little before it returns: a call that is due at its end has been answered by then."""
    begin = monotonic()
    sleep(seconds)
    end = monotonic()
    sleep(0.2)
    return Phase(begin, end)


def compare(table: Table, id_: str, name: str, healthy: Sequence[Answer], fault: Sequence[Answer]) -> None:
    """All answered 200, and about as fast as before: nobody waited for what is gone.

    A store that every call waits for shows in the median (20 ms), a thread that is held in the slowest (1 s). Between
    them lies what a busy machine does to a short phase.
    """
    table.exactly(id_, f"{name}: decisions answered 200, of {len(fault)}", _good(fault), len(fault))
    for share, slack in ((0.5, 12), (0.95, STALL)):
        before = percentile(healthy, share)
        what = f"{name}: p{share * 100:.0f} (healthy {before:.1f} ms)"
        table.most(id_, what, percentile(fault, share), 2 * before + slack, "ms")
    table.told(id_, f"{name}: p99 (healthy {percentile(healthy, 0.99):.1f} ms)", percentile(fault, 0.99), "ms")
    slowest = percentile(healthy, 1)
    table.most(id_, f"{name}: slowest (healthy {slowest:.1f} ms)", percentile(fault, 1), max(3 * slowest, 900), "ms")


def compare_contents(table: Table, answers: Sequence[Answer], healthy: Sequence[Answer]) -> None:
    """A machine that stalls for 20 ms makes a reader give Valkey up for a moment, which the answer names."""
    whole = [each for each in answers if not _degraded(each)]
    stalled = 100 * (1 - len(whole) / len(answers))
    table.most("D-02", "named degraded for a stall of the machine, per cent", stalled, 30)
    normal = [each for each in healthy if not _degraded(each)]
    table.exactly("D-02", "subjects shown something else than before", differing(whole, normal), [])


def _good(answers: Sequence[Answer]) -> int:
    return sum(each.status == 200 for each in answers)


def _now() -> str:
    return timezone.now().isoformat()


BREAKS: dict[str, Callable[[Rig], None]] = {
    "killed": lambda rig: rig.postgres.kill(),
    "frozen": lambda rig: rig.postgres.freeze(),
    "refusing": lambda rig: rig.postgres.leave(),
}


@pytest.mark.parametrize("how", BREAKS)
def test_postgresql_gone_changes_no_decision_and_loses_no_event(rig: Rig, how: str) -> None:
    table = Table(f"PostgreSQL {how}")
    asked = Load(rig.web.port, rig.keys["client"], decisions(SUBJECTS), rate=RATE)
    with asking(asked):
        before = during(1.3)
        begin = monotonic()
        BREAKS[how](rig)
        burst = _at_once(rig, f"{how}-burst", 12)
        sent = Load(rig.web.port, rig.keys["server"], events(f"{how}-later", _now()), rate=10, lines=6)
        sleep(1.2)
        refused = [*burst, *sent.stop()]
        fault = Phase(begin, monotonic())
        rig.postgres.come_back()
        back = until(lambda: _at_once(rig, f"{how}-after", 1)[0].status == 200, 20)
        sleep(0.5)
    answers = asked.stop()

    healthy, hurt = due_in(answers, *before), due_in(answers, *fault)
    compare(table, "D-02", how, healthy, hurt)
    table.exactly("D-02", "all decisions of the drill 200", _good(answers), len(answers))
    compare_contents(table, answers, healthy)
    _refusals(table, burst, refused)
    table.most("I-03", "events accepted again after it is back", back, 4, "s")
    _nothing_lost(table, rig, answers, refused)
    table.verdict()


def _at_once(rig: Rig, prefix: str, number: int) -> list[Answer]:
    """Event calls that all start together, each on its own connection."""
    calls = events(prefix, _now())
    with ThreadPoolExecutor(number) as pool:
        lines = [Line(rig.web.port, rig.keys["server"]) for _ in range(number)]
        return list(pool.map(lambda line: line.ask(next(calls), monotonic()), lines))


def _refusals(table: Table, burst: list[Answer], refused: list[Answer]) -> None:
    statuses = {(each.status, each.retry_after is not None) for each in refused}
    table.exactly("I-03", f"events refused 503 with Retry-After, all {len(refused)}", statuses, {(503, True)})
    table.most("I-03", "slowest refusal", percentile(refused, 1), 1000 * (1 + SLACK + 0.3), "ms")
    table.most("B-04", "of 12 calls at once, threads held", sum(each.seconds > HELD for each in burst), 4)


def _nothing_lost(table: Table, rig: Rig, answers: list[Answer], refused: list[Answer]) -> None:
    """A refused call may have been stored all the same: sent again, each event is there once."""
    line = Line(rig.web.port, rig.keys["server"])
    for call in [each.call for each in refused]:
        until(lambda call=call: line.ask(call, monotonic()).status == 200)
    ids = [each.call.about for each in refused]
    table.exactly("I-01", "refused events sent again: rows, different ids", rig.hand.do("events", ids), [len(ids)] * 2)
    made = [each.body["decision_id"] for each in answers]
    waited = until(lambda: rig.hand.do("missing", made) == 0, 20)
    table.told("I-05", f"all {len(made)} decision records written, after", waited, "s")
    table.exactly("I-05", "decision records lost", rig.web.counted("decision_records_lost_total"), 0.0)


def test_pages_at_a_frozen_postgresql_leave_decisions_alone(rig: Rig) -> None:
    table = Table("ten people at pages of the admin, PostgreSQL frozen")
    asked = Load(rig.web.port, rig.keys["client"], decisions(SUBJECTS), rate=RATE)
    with asking(asked), ThreadPoolExecutor(10) as people:
        before = during(1.3)
        rig.postgres.freeze()
        begin = monotonic()
        pages = [people.submit(rig.web.get, "/admin/", Cookie="sessionid=somebody") for _ in range(10)]
        fault = Phase(begin, during(2).end)
        refused = [page.result()[0] for page in pages if page.done()]
        rig.postgres.thaw()
        statuses = {page.result()[0] for page in pages}
    answers = asked.stop()

    compare(table, "D-02", "pages", due_in(answers, *before), due_in(answers, *fault))
    table.most("B-04", "of 10 pages, not refused at once", 10 - refused.count(503), 4)
    table.exactly("B-04", "pages without an answer", 0 in statuses, False)
    table.verdict()


VALKEY: dict[str, Callable[[Rig], None]] = {
    "killed": lambda rig: rig.valkey.kill(),
    "frozen": lambda rig: rig.valkey.freeze(),
}


@pytest.mark.parametrize("how", VALKEY)
def test_valkey_gone_gives_a_degraded_answer_at_once_and_no_price(rig: Rig, how: str) -> None:
    table = Table(f"Valkey {how}")
    asked = Load(rig.web.port, rig.keys["client"], decisions(SUBJECTS), rate=RATE)
    with asking(asked):
        before = during(1.3)
        VALKEY[how](rig)
        begin = monotonic()
        noticed = until(lambda: rig.web.counted("circuit_state", dependency="valkey") == 1, 5)
        sent = Load(rig.web.port, rig.keys["server"], events(f"valkey-{how}", _now()), rate=10, lines=6)
        sleep(1.2)
        stored = sent.stop()
        fault = Phase(begin, monotonic())
        rig.valkey.come_back()
        restarted = during(1)
        healed = rig.hand.do("heal")
        until(lambda: rig.web.counted("circuit_state", dependency="valkey") == 0, 5)
        after = during(1)
    answers = asked.stop()

    healthy, hurt = due_in(answers, *before), due_in(answers, *fault)
    compare(table, "D-03", how, healthy, hurt)
    table.most("D-05", "breaker shown as open after", noticed, 2, "s")
    table.exactly("D-03", "all decisions of the drill 200", _good(answers), len(answers))
    table.exactly("D-03", "answers not named degraded", sum(not _degraded(each) for each in hurt), 0)
    table.exactly("D-03", "offers, prices, profiled campaigns shown", sum(map(_priced, hurt)), 0)
    table.exactly("I-02", f"events stored, pending, of {len(stored)}", _pending(stored), len(stored))
    table.exactly("D-03", "rebuilt because the epoch was lost", healed, how == "killed")
    if how == "killed":
        empty = due_in(answers, *restarted)
        table.exactly("D-03", "restarted and empty: not degraded", sum(not _degraded(each) for each in empty), 0)
    compare_contents(table, due_in(answers, *after), healthy)
    table.verdict()


def _degraded(answer: Answer) -> bool:
    """Every placement says that the subject could not be read."""
    return all(placed.get("degraded") == ["DEGRADED_NO_SUBJECT"] for placed in answer.body["placements"].values())


def _priced(answer: Answer) -> int:
    slots = [slot for placed in answer.body["placements"].values() for slot in placed["slots"]]
    return sum("offer" in slot or "quote" in slot or slot["campaign"] not in ("news", "house") for slot in slots)


def _pending(answers: Sequence[Answer]) -> int:
    return sum(each.status == 202 and each.body["pending"] for each in answers)
