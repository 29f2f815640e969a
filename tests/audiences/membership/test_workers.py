"""Does a run survive its workers: killed, stopped, or two at once?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.utils import timezone

from audiences.membership import LeaseLost, RunBusy, fruitless, start_run, waiting
from audiences.membership.execution import execute
from audiences.membership.lease import take
from audiences.membership.publish import abandon
from audiences.membership.runs import folder
from audiences.models import AudienceCount, AudienceRun, BehaviourBits, RunShard
from tests.audiences.membership.judge import World
from tests.audiences.membership.population import AS_OF

PROJECT = Path(__file__).resolve().parents[3]
Worker = subprocess.Popen[bytes]


def bits() -> dict[int, bytes]:
    return {subject: bytes(found) for subject, found in BehaviourBits.objects.values_list("subject_id", "bits")}


def expire_lease(run: AudienceRun) -> None:
    """Time passes."""
    AudienceRun.objects.filter(pk=run.pk).update(lease_until=timezone.now())


def shards_done(run: AudienceRun) -> int:
    return RunShard.objects.filter(run=run, done_at__isnull=False).count()


def until(happened: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "It did not happen."
        time.sleep(0.02)


@pytest.fixture
def worker(child_environment: dict[str, str]) -> Iterator[Callable[[AudienceRun], Worker]]:
    """Starts the real command on a run, as a process of its own."""
    started: list[Worker] = []

    def start(run: AudienceRun) -> Worker:
        command = [sys.executable, "manage.py", "recompute_audiences", "--resume", str(run.pk)]
        process = subprocess.Popen(
            command, cwd=PROJECT, env=child_environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.timeout(300)  # each worker is a whole process that starts up
@pytest.mark.django_db(transaction=True)
def test_a_run_killed_again_and_again_ends_as_a_clean_one(
    some_world: World, worker: Callable[[AudienceRun], Worker]
) -> None:
    """Each worker is killed after another number of shards; the next goes on where it died."""
    run = start_run(AS_OF)
    for wanted in (1, 3):
        process = worker(run)
        until(lambda: shards_done(run) >= wanted)  # noqa: B023  called within the loop
        process.kill()
        process.wait()
        expire_lease(run)
    kept = {shard.number: shard.counts["fence"] for shard in RunShard.objects.filter(run=run, done_at__isnull=False)}
    assert not BehaviourBits.objects.exists()

    output, _ = worker(run).communicate(timeout=120)

    run.refresh_from_db()
    assert run.state == "PUBLISHED", output.decode()
    assert run.fence == 3
    fences = {shard.number: shard.counts["fence"] for shard in RunShard.objects.filter(run=run)}
    assert kept.items() <= fences.items()
    killed = bits()
    clean = execute(start_run(AS_OF), "test")
    assert clean.plan["changed"] == 0
    assert killed == bits()


@pytest.mark.timeout(300)  # each worker is a whole process that starts up
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_slept_through_its_lease_writes_nothing(
    some_world: World, worker: Callable[[AudienceRun], Worker]
) -> None:
    run = start_run(AS_OF)
    sleeper = worker(run)
    until(lambda: shards_done(run) >= 1)
    stop_between_transactions(sleeper)
    expire_lease(run)

    finished = execute(run, "second")
    served, counts = bits(), list(AudienceCount.objects.order_by("pk").values())
    os.kill(sleeper.pid, signal.SIGCONT)
    output, _ = sleeper.communicate(timeout=120)

    assert finished.state == "PUBLISHED"
    assert finished.fence == 2
    assert sleeper.returncode == 1
    assert "fence" in output.decode()
    assert (bits(), list(AudienceCount.objects.order_by("pk").values())) == (served, counts)
    assert AudienceRun.objects.get(pk=run.pk).finished_at == finished.finished_at


def stop_between_transactions(process: Worker) -> None:
    """Stop it where it holds no lock; a stopped one that does is cut off by the database after a minute."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
            if cursor.fetchone() == (0,):
                return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.003)


def test_a_lost_file_costs_its_shard_and_no_more(some_world: World) -> None:
    run = start_run(AS_OF)
    first = take(run.pk, "first")
    first.give_back()
    execute(run, "second")
    clean = bits()
    shard = RunShard.objects.filter(run=run).earliest("number")
    AudienceRun.objects.filter(pk=run.pk).update(state="RUNNING")
    (folder(run.pk) / shard.counts["file"]).write_bytes(b"damaged")
    BehaviourBits.objects.all().delete()
    AudienceRun.objects.filter(pk=run.pk).update(state="FAILED")

    again = execute(run, "third", reopen=True)

    fences = list(RunShard.objects.filter(run=run).order_by("number").values_list("counts__fence", flat=True))
    assert again.state == "PUBLISHED"
    assert fences == [3, *([2] * (len(fences) - 1))]
    assert again.shards_done == again.shards
    assert bits() == clean


def test_nobody_else_gets_a_run_while_its_lease_lasts(some_world: World) -> None:
    run = start_run(AS_OF)
    lease = take(run.pk, "first")

    with pytest.raises(RunBusy, match="being computed by first until"):
        execute(run, "second")
    assert waiting() == []
    lease.give_back()
    assert waiting() == [run]


def test_every_write_of_a_lost_lease_is_refused(some_world: World) -> None:
    run = start_run(AS_OF)
    lost = take(run.pk, "first")
    expire_lease(run)
    take(run.pk, "second")

    with pytest.raises(LeaseLost):
        lost.renew()
    with pytest.raises(LeaseLost), lost.writing():
        pass
    lost.give_back()
    assert AudienceRun.objects.get(pk=run.pk).lease_owner == "second"


def test_asking_twice_for_the_same_gives_one_run(some_world: World) -> None:
    run = start_run(AS_OF)

    assert start_run(AS_OF) == run
    assert start_run(AS_OF, ["keen"]) != run
    assert start_run(AS_OF, engine="postgres") != run


def test_a_run_without_progress_is_given_up(some_world: World) -> None:
    run = start_run(AS_OF)
    for _ in range(5):
        assert not fruitless(AudienceRun.objects.get(pk=run.pk))
        take(run.pk, "unlucky")
        expire_lease(run)

    run.refresh_from_db()
    assert fruitless(run)
    abandon(run)
    assert AudienceRun.objects.get(pk=run.pk).state == "FAILED"
    assert execute(run, "person", reopen=True).state == "PUBLISHED"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SoftTimeLimitExceeded])
def test_an_interrupted_worker_hands_over_at_once(some_world: World, interruption: type[BaseException]) -> None:
    run = start_run(AS_OF)

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "shards" and done == 2:
            raise interruption

    with pytest.raises(interruption):
        execute(run, "first", interrupt)

    run.refresh_from_db()
    assert (run.state, run.shards_done) == ("RUNNING", 2)
    assert execute(run, "second").state == "PUBLISHED"


def test_an_error_that_would_come_again_fails_the_run_with_its_reason(some_world: World) -> None:
    run = start_run(AS_OF)
    plan = run.plan
    broken = [{**leaf, "document": {"event": "gone"}} for leaf in plan["leaves"]]
    AudienceRun.objects.filter(pk=run.pk).update(plan={**plan, "leaves": broken})

    with pytest.raises(ValueError, match="can no longer be read"):
        execute(run, "first")

    run.refresh_from_db()
    assert run.state == "FAILED"
    assert "start another run" in run.note
    with pytest.raises(RunBusy, match="only an unfinished run"):
        execute(run, "second")
    AudienceRun.objects.filter(pk=run.pk).update(plan=plan)
    mended = execute(run, "person", reopen=True)
    assert (mended.state, mended.note) == ("PUBLISHED", "")
