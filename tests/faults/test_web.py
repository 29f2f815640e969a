"""What does a client see when a web process dies, starts while nothing answers, or hears of a release and a kill?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from config.embedded.processes import alive
from tests.faults.hand import FREE_ACCOUNTS, PAYING_ACCOUNTS
from tests.faults.load import Answer, Line, Load, asking, content, decisions, differing, due_in
from tests.faults.rig import Rig, Web, until
from tests.faults.table import Table

pytestmark = pytest.mark.xdist_group("drills")  # one rig, and no other drill beside it

SUBJECTS = (*FREE_ACCOUNTS, *PAYING_ACCOUNTS, "nobody-yet")
RATE = 60.0


def shown(web: Web, key: str) -> list[str]:
    """What each subject sees, in order; empty strings without an answer."""
    line, calls = Line(web.port, key), decisions(SUBJECTS)
    answers = [line.ask(next(calls), monotonic()) for _ in SUBJECTS]
    line.close()
    return [content(each) if each.status == 200 else "" for each in answers]


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
    whole = shown(rig.web, key)
    rig.valkey.freeze()
    shown(rig.web, key)
    degraded = shown(rig.web, key)
    rig.well()
    for name, faults in DOWN.items():
        rig.web.kill()
        for fault in faults:
            fault(rig)
        took = first_good(rig.web, key)
        table.most("D-07", f"{name}: first good decision after", took, 2 * healthy + 1.5, "s")
        table.exactly("D-07", f"{name}: served from", rig.web.serves().get("source"), "disk")
        equal = shown(rig.web, key) == (whole if len(faults) == 1 else degraded)
        table.exactly("D-07", f"{name}: answers equal those before", equal, True)
        rig.well()
        again = until(lambda: rig.web.serves().get("source") == "live" and shown(rig.web, key) == whole, 20)
        table.most("D-07", f"{name}: all is as before, after it is back", again, 8, "s")
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
    table.exactly("D-07", "subjects shown something else than before", differing(after, _good(before)), [])
    return started


def _good(answers: list[Answer]) -> list[Answer]:
    return [each for each in answers if each.status == 200]


def _bad(answers: list[Answer]) -> int:
    return len(answers) - len(_good(answers))


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
