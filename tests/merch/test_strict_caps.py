"""R-06, R-07: is a strict cap of three a day never exceeded, by 200 callers at once in 8 processes?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from queue import Queue
from threading import Thread

import pytest
import redis
from django.utils import timezone

from audiences.models import ServingEpoch
from campaigns.models import FrequencyCap
from merch.intake.receiving import receive
from merch.subjects import scripts
from merch.subjects.publish import sweep
from merch.subjects.store import store as serving_store
from tests.factories import FrequencyCapFactory
from tests.merch import strictly
from tests.merch.subjects.servers import wait_for

PROCESSES, THREADS = 8, 25

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def whole_store(valkey: redis.Redis) -> Iterator[None]:
    """Filled, and trusted to hold what was ever held."""
    ServingEpoch.objects.all().delete()
    assert serving_store.warm()
    sweep(now=timezone.now())
    yield
    serving_store.close()


class Crowd:
    """Callers in many processes, who begin when all are ready."""

    def __init__(self, environment: dict[str, str], rounds: int, sessions: str) -> None:
        command = [sys.executable, "-m", "tests.merch.strictly", str(THREADS), str(rounds), sessions]
        self.many = PROCESSES * THREADS * rounds
        self.asked = 0
        self.processes = [
            subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        self._lines: Queue[str | None] = Queue()
        for process in self.processes:
            Thread(target=self._follow, args=(process,), daemon=True).start()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def _go(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def tokens(self) -> Iterator[str]:
        """Of all that was shown, as they come."""
        ended = ready = 0
        while ended < PROCESSES:
            line = self._lines.get(timeout=120)
            if line is None:
                ended += 1
            elif line == "ready":
                ready += 1
                if ready == PROCESSES:
                    self._go()
            elif line.startswith("asked "):
                self.asked += int(line.split()[1])
            else:
                yield line
        assert [process.wait() for process in self.processes] == [0] * PROCESSES
        assert self.asked == self.many


def calm() -> None:
    """A machine busy with a crowd may have kept this process waiting for longer than a read may take."""
    serving_store.breaker.ensure_probing()
    wait_for(lambda: not serving_store.breaker.open, 30)


def see(token: str) -> None:
    """The impression is counted; where its publication is owed, the sweeper pays."""
    event = {"type": "impression", "token": token}
    receipt = receive([event], key_scope="client", source="app", sent_at=None, now=timezone.now())
    assert receipt.accepted == 1
    if receipt.pending:
        calm()
        sweep(now=timezone.now() + timedelta(seconds=10))


def counted() -> int:
    calm()
    subject = serving_store.read("a", "acc_1", 1)
    assert subject is not None
    cell = subject.record.history.get("campaign|one|impression")
    return cell.count if cell else 0


def again(session: str) -> str | None:
    calm()
    return strictly.ask(strictly.release(), session)


def under_way(valkey: redis.Redis) -> int:
    """Answers that hold a place now; one whose caller gave up waiting holds it too."""
    ends: list[bytes] = valkey.hvals("h:{a:acc_1}")  # type: ignore[assignment]  # bytes, as nothing is decoded
    return sum(len(each.split(b",")) for each in ends)


def test_200_callers_at_once_are_shown_it_three_times_at_most(
    child_environment: dict[str, str], valkey: redis.Redis
) -> None:
    shown = len(list(Crowd(child_environment, 1, "none").tokens()))
    later = [again(f"later-{number}") for number in range(4)]

    assert shown <= 3
    assert under_way(valkey) == 3, "no place more, and none that nobody was given"
    assert shown + sum(token is not None for token in later) <= 3


def test_impressions_meanwhile_make_no_room(child_environment: dict[str, str], valkey: redis.Redis) -> None:
    shown = 0
    for token in Crowd(child_environment, 4, "own").tokens():
        shown += 1
        see(token)
    for number in range(4):
        if later := again(f"later-{number}"):
            shown += 1
            see(later)

    assert shown == counted() <= 3
    assert counted() + under_way(valkey) >= 3, "both count for a while, but never neither"
    assert again("at last") is None


def test_what_was_never_seen_is_delivered_later(valkey: redis.Redis) -> None:
    """Three answers, one of them seen: the other two places are given again when their holds are over."""
    tokens = [again(f"first-{number}") for number in range(4)]
    assert [token is not None for token in tokens] == [True, True, True, False]
    see(tokens[0] or "")
    assert again("second") is None

    valkey.delete("h:{a:acc_1}")  # as ten minutes do

    assert [again(f"third-{number}") is not None for number in range(3)] == [True, True, False]


def test_a_retry_takes_the_place_of_the_first_try() -> None:
    first = [again("phone") for _ in range(2)]
    others = [again(session) is not None for session in ("tablet", "tv")]

    assert None not in first
    assert others == [True, False], "both tries may be shown, so both count until one was seen or ten minutes are over"


def test_a_store_that_was_emptied_withholds_for_one_hold_time(valkey: redis.Redis) -> None:
    FrequencyCapFactory(strict=True)
    see(again("before") or "")

    valkey.flushdb()
    assert again("while it is empty") is None
    assert sweep(now=timezone.now()).rebuilt is not None
    assert counted() == 1
    assert again("when it is rebuilt") is None

    scripts.trust_holds(serving_store, 0, anew=True)  # as ten minutes do
    assert [again(f"then-{number}") is not None for number in range(3)] == [True, True, False]


def test_where_no_cap_is_strict_nothing_can_have_been_lost(valkey: redis.Redis) -> None:
    assert not FrequencyCap.objects.filter(strict=True).exists()
    valkey.flushdb()
    sweep(now=timezone.now())

    assert again("at once") is not None
