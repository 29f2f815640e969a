"""What does a client see when PostgreSQL, Valkey or a web process dies, freezes or refuses?

Steady questions through the wire to a real web process. Limits of time are relative to the healthy phase of the same
run, because the machine may be busy; what is shown and refused is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep, time

import pytest
from django.utils import timezone

from config.embedded.processes import alive
from tests.faults import flips
from tests.faults.hand import FREE_ACCOUNTS, PAYING_ACCOUNTS
from tests.faults.load import Answer, Line, Load, asking, content, decisions, due_in, events, percentile
from tests.faults.phases import Phase, compare, compare_contents, degraded, during, good
from tests.faults.rig import Rig, Web, until
from tests.faults.table import Table

SUBJECTS = (*FREE_ACCOUNTS, *PAYING_ACCOUNTS, "nobody-yet")
RATE = 60.0  # decisions a second
SLACK = 0.5  # seconds that a busy machine may add to a deadline
FLIPPING = 4  # processes
AHEAD = 8.0  # seconds from the publication of a flight to its instant
HELD = 0.7  # seconds; a call that takes longer than this was held, not refused


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
    table.exactly("D-02", "all decisions of the drill 200", good(answers), len(answers))
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


def test_every_process_flips_by_itself_within_100_ms_with_postgresql_dead(rig: Rig) -> None:
    """All hold the release in which the flight is to come; nobody is there to tell them of its instant."""
    table = Table(f"a flight begins in {FLIPPING} processes, PostgreSQL killed")
    with rig.processes(FLIPPING) as webs, ThreadPoolExecutor(FLIPPING) as people:
        before = rig.web.serves()["publication"]
        instant = rig.hand.do("open_at", AHEAD)
        until(lambda: all(web.serves().get("publication", before) > before for web in webs), AHEAD - 2)
        rig.postgres.kill()
        assert time() < instant - 1, "the machine was too slow for the drill to begin in time"
        asked = [people.submit(flips.look, web, rig.keys["client"], instant + 1) for web in webs]
        looks = [each.result() for each in asked]
    flips.tell(table, looks, instant)
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
    table.exactly("D-03", "all decisions of the drill 200", good(answers), len(answers))
    table.exactly("D-03", "answers not named degraded", sum(not degraded(each) for each in hurt), 0)
    table.exactly("D-03", "offers, prices, profiled campaigns shown", sum(map(_priced, hurt)), 0)
    table.exactly("I-02", f"events stored, pending, of {len(stored)}", _pending(stored), len(stored))
    table.exactly("D-03", "rebuilt because the epoch was lost", healed, how == "killed")
    if how == "killed":
        empty = due_in(answers, *restarted)
        table.exactly("D-03", "restarted and empty: not degraded", sum(not degraded(each) for each in empty), 0)
    compare_contents(table, due_in(answers, *after), healthy, stalls=90)
    table.verdict()


def _priced(answer: Answer) -> int:
    slots = [slot for placed in answer.body["placements"].values() for slot in placed["slots"]]
    return sum("offer" in slot or "quote" in slot or slot["campaign"] not in ("news", "house") for slot in slots)


def _pending(answers: Sequence[Answer]) -> int:
    return sum(each.status == 202 and each.body["pending"] for each in answers)


def shown(web: Web, key: str, *, named_degraded: bool) -> list[str]:
    """What each subject sees, in order, once every answer is (or none is) named degraded; fails when that never is."""
    line, calls, answers = Line(web.port, key), decisions(SUBJECTS), list[Answer]()

    def settled() -> bool:
        answers[:] = [line.ask(next(calls), monotonic()) for _ in SUBJECTS]
        return good(answers) == len(answers) and all(degraded(each) is named_degraded for each in answers)

    until(settled, 20)
    line.close()
    return [content(each) for each in answers]


def first_good(web: Web, key: str) -> float:
    """Start the process; seconds to its first good decision."""
    began = monotonic()
    web.start()
    until(lambda: answered(web, key), 60)
    return monotonic() - began


def answered(web: Web, key: str) -> bool:
    line = Line(web.port, key)
    answer = line.ask(next(decisions(SUBJECTS)), monotonic())
    line.close()
    return answer.status == 200


DOWN: dict[str, tuple[Callable[[Rig], None], ...]] = {
    "PostgreSQL dead": (lambda rig: rig.postgres.kill(),),
    "both dead": (lambda rig: rig.postgres.kill(), lambda rig: rig.valkey.kill()),
    "both frozen": (lambda rig: rig.postgres.freeze(), lambda rig: rig.valkey.freeze()),
}


def test_a_killed_web_process_comes_back_with_the_same_answers_whatever_else_is_gone(rig: Rig) -> None:
    table = Table("web killed under load; then started while nothing answers")
    key = rig.keys["client"]
    healthy = _killed_under_load(rig, table)
    whole = shown(rig.web, key, named_degraded=False)
    rig.valkey.freeze()
    without = shown(rig.web, key, named_degraded=True)
    rig.well()
    for name, faults in DOWN.items():
        rig.web.kill()
        for fault in faults:
            fault(rig)
        took = first_good(rig.web, key)
        table.most("D-07", f"{name}: first good decision after", took, 3 * healthy + 3, "s")
        table.exactly("D-07", f"{name}: served from", rig.web.serves().get("source"), "disk")
        valkey_lives = len(faults) == 1
        equal = shown(rig.web, key, named_degraded=not valkey_lives) == (whole if valkey_lives else without)
        table.exactly("D-07", f"{name}: answers equal those before", equal, True)
        rig.well()
        again = until(lambda: rig.web.serves().get("source") == "live", 20)
        table.most("D-07", f"{name}: live after all is back", again, 8, "s")
        equal = shown(rig.web, key, named_degraded=False) == whole
        table.exactly("D-07", f"{name}: answers equal those before, all back", equal, True)
    table.verdict()


def _killed_under_load(rig: Rig, table: Table) -> float:
    """Seconds from the start to the first good decision, with everything else well."""
    asked = Load(rig.web.port, rig.keys["client"], decisions(SUBJECTS), rate=RATE)
    with asking(asked):
        sleep(1.2)
        killed = monotonic()
        rig.web.kill()
        started = first_good(rig.web, rig.keys["client"])
        back = monotonic()
        sleep(1)
    answers = asked.stop()

    before, after = due_in(answers, 0, killed), due_in(answers, back, monotonic())
    table.told("D-07", "all well: first good decision after", started, "s")
    table.exactly("D-07", "answers before that were not 200", _bad(before), _cut_off(before, killed))
    table.exactly("D-07", "answers after the first good one that were not 200", _bad(after), 0)
    compare_contents(table, after, [each for each in before if each.status == 200])
    return started


def _bad(answers: list[Answer]) -> int:
    return len(answers) - good(answers)


def _cut_off(answers: list[Answer], killed: float) -> int:
    """Calls that were under way when the process was killed."""
    return sum(each.status == 0 and each.due + each.seconds >= killed for each in answers)


def test_decision_records_of_a_killed_process_are_counted_and_of_a_stopped_one_written(rig: Rig) -> None:
    table = Table("decision records of web processes that end")
    key = rig.keys["client"]
    sleep(0.5)  # nothing waits
    rig.postgres.freeze()
    made = _decide(rig, 60)
    rig.web.kill()
    rig.postgres.thaw()
    first_good(rig.web, key)
    missing = rig.hand.do("missing", made)
    table.told("I-05", f"of {len(made)} records, missing after a kill", missing)
    table.exactly("I-05", "counted as lost at the next start", _lost(rig), missing)

    made = _decide(rig, 60)
    table.most("I-05", "a polite end takes", rig.web.stop(), 10, "s")
    table.exactly("I-05", "records missing after a polite end", rig.hand.do("missing", made), 0)
    first_good(rig.web, key)
    table.exactly("I-05", "counted as lost at the next start", _lost(rig), 0.0)

    # A worker would answer beside the worker of the next server, on the same port, with the code of yesterday.
    workers = rig.web.kill_server()
    gone = until(lambda: not any(map(alive, workers)), 10)
    table.most("D-07", f"{len(workers)} worker ends after its server was killed", gone, 5, "s")
    rig.web.kill()
    table.verdict()


def _lost(rig: Rig) -> float:
    return rig.web.counted("decision_records_lost_total")


def _decide(rig: Rig, number: int) -> list[str]:
    line, calls = Line(rig.web.port, rig.keys["client"]), decisions(SUBJECTS)
    made = [line.ask(next(calls), monotonic()).body["decision_id"] for _ in range(number)]
    line.close()
    return made


def test_two_processes_hear_of_a_release_and_a_kill(rig: Rig) -> None:
    table = Table("from a publication or kill to the first answer that knows it, the later of two processes")
    rig.other.start()
    webs = (rig.web, rig.other)
    until(lambda: all(web.serves().get("source") == "live" for web in webs), 60)
    sleep(1)  # both have subscribed
    for number in (1, 2, 3):
        for verb, *words in (("kill", "house"), ("lift", "house"), ("flip",)):
            table.most("D-13", f"{verb} {number}, with a push", _heard(rig, webs, verb, *words), 2, "s")
    rig.valkey.kill()
    table.most("D-13", "kill, Valkey dead", _heard(rig, webs, "kill", "house"), 10, "s")
    rig.well()
    rig.valkey.freeze()
    table.most("D-13", "flip, Valkey frozen", _heard(rig, webs, "flip"), 10, "s")
    rig.hand.do("lift", "house")
    rig.other.kill()
    table.verdict()


def _heard(rig: Rig, webs: tuple[Web, ...], verb: str, *words: str) -> float:
    """Seconds from what the hand does until every process answers differently."""
    before = [_campaigns(web, rig.keys["client"]) for web in webs]
    with ThreadPoolExecutor(len(webs)) as pool:
        watches = [pool.submit(_changed, web, rig.keys["client"], was) for web, was in zip(webs, before, strict=True)]
        began: float = rig.hand.do(verb, *words)
        return max(watch.result() for watch in watches) - began


def _changed(web: Web, key: str, was: list[str]) -> float:
    until(lambda: _campaigns(web, key) != was, 20)
    return monotonic()


def _campaigns(web: Web, key: str) -> list[str]:
    """What a paying listener is shown; the same whether or not the record can be read."""
    line = Line(web.port, key)
    answer = line.ask(next(decisions(PAYING_ACCOUNTS)), monotonic())
    line.close()
    return [slot["campaign"] for placed in answer.body["placements"].values() for slot in placed["slots"]]
