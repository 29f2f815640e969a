"""How does a worker take a run from its plan to its publication, whatever dies on the way?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.db.models.functions import Now

from audiences.engines.duck import DuckEngine
from audiences.engines.outcome import Outcome, Saved, digest, load, moved, save
from audiences.engines.postgres import PostgresEngine
from audiences.membership.files import drop_profiles, remember_event_files
from audiences.membership.lease import Lease, LeaseLost, take
from audiences.membership.plan import Questions, RunPlan, questions, thawed
from audiences.membership.publish import conclude
from audiences.membership.runs import computed, day_of_run, exports, folder, shard_file
from audiences.models import AudienceRun, RunShard
from audiences.moments import micros

ENGINES: dict[str, type[DuckEngine] | type[PostgresEngine]] = {"duckdb": DuckEngine, "postgres": PostgresEngine}


class Progress(Protocol):
    """Hears how far a stage is: "days" of events, then "shards" of subjects."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""


def execute(run: AudienceRun, owner: str, progress: Progress = silent, *, reopen: bool = False) -> AudienceRun:
    """Compute what is left of the run and publish or hold it; the run as it stands then.

    Shards that are done stay done. Raises RunBusy when somebody else holds it, LeaseLost when somebody else took over.
    """
    lease = take(run.pk, owner, reopen=reopen)
    run.refresh_from_db()
    try:
        _Work(run, lease, progress).finish()
    except (LeaseLost, OperationalError, InterfaceError):
        raise  # not this run's fault: the lease runs out and the next worker goes on
    except SoftTimeLimitExceeded:
        lease.give_back()  # a long run is not a failed one: the next worker goes on with the next shard
        raise
    except Exception as error:
        lease.fail(f"{type(error).__name__}: {error}"[:2_000])
        raise
    except BaseException:
        lease.give_back()
        raise
    run.refresh_from_db()
    return run


class _Work:
    """One worker's work on one run under one lease."""

    def __init__(self, run: AudienceRun, lease: Lease, progress: Progress) -> None:
        self.run = run
        self.lease = lease
        self.progress = progress
        self.plan: RunPlan = thawed(run.plan)
        self.before: RunPlan | None = None
        self.earlier = self._earlier()

    def finish(self) -> None:
        forget_lost_files(self.run, self.lease)
        left = list(RunShard.objects.filter(run=self.run, done_at__isnull=True))
        if left:
            self._answer(left, questions(self.plan))
        conclude(self.run, self.lease, self.plan)
        drop_profiles(self.run)

    def _answer(self, left: list[RunShard], asked: Questions) -> None:
        engine = ENGINES[self.run.engine](asked.facts, asked.rules, as_of=micros(self.run.as_of), home=exports())
        try:
            remember_event_files(self.run, engine.prepare(day_of_run(self.run), self._beat("days")))
            done = self.run.shards - len(left)
            self.progress("shards", done, self.run.shards)
            for number, shard in enumerate(left, done + 1):
                path = folder(self.run.pk) / f"subjects-{shard.number}.f{self.lease.fence}.parquet"
                ids, answers = engine.answer(shard.after, shard.up_to, path)
                self._record(shard, self._outcome(ids, answers))
                self.progress("shards", number, self.run.shards)
        finally:
            engine.close()

    def _beat(self, stage: str) -> Callable[[int, int], None]:
        def beat(done: int, total: int) -> None:
            self.lease.renew()
            self.progress(stage, done, total)

        return beat

    def _outcome(self, ids: Any, answers: Any) -> Outcome:
        counted = len(self.plan.audiences)
        bits = np.zeros((len(ids), self.plan.width), dtype=np.bool_)
        bits[:, [leaf.position for leaf in self.plan.leaves]] = answers[:, counted:]
        return Outcome(ids.astype(np.int64), answers[:, :counted], bits)

    def _record(self, shard: RunShard, outcome: Outcome) -> None:
        """First the file, then the mark: a crash between them costs the shard, never the truth."""
        name = f"shard-{shard.number}.f{self.lease.fence}.parquet"
        path = folder(self.run.pk) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        counts = self._counts(shard, outcome) | {"file": name, "sha256": save(outcome, path), "fence": self.lease.fence}
        with self.lease.writing() as run:
            RunShard.objects.filter(pk=shard.pk).update(counts=counts, done_at=Now())
            run.shards_done = F("shards_done") + 1
            run.save(update_fields=["shards_done"])
        self.lease.renew()

    def _counts(self, shard: RunShard, outcome: Outcome) -> dict[str, Any]:
        before = self._before(shard)
        sizes = outcome.audiences.sum(axis=0).tolist()
        audiences = {}
        for column, (audience, size) in enumerate(zip(self.plan.audiences, sizes, strict=True)):
            entered, left = self._moved(outcome, column, audience.slug, before)
            audiences[audience.slug] = [size, entered, left]
        true = outcome.bits.sum(axis=0).tolist()
        leaves = {str(leaf.position): true[leaf.position] for leaf in self.plan.leaves}
        return {"subjects": len(outcome.ids), "audiences": audiences, "leaves": leaves}

    def _moved(self, outcome: Outcome, column: int, slug: str, before: Saved | None) -> tuple[int | None, int | None]:
        slugs = [audience.slug for audience in self.before.audiences] if self.before else []
        if before is None or slug not in slugs:
            return None, None
        was = before.audiences[:, slugs.index(slug)]
        return moved(outcome.ids, outcome.audiences[:, column], before.ids, was)

    def _earlier(self) -> dict[int, RunShard]:
        """The shards of the run to compare with, by number."""
        before = computed(AudienceRun.objects.filter(pk=self.plan.compare_to or 0).first())
        if before is None:
            return {}
        self.before = thawed(before.plan)
        return {shard.number: shard for shard in RunShard.objects.filter(run=before, done_at__isnull=False)}

    def _before(self, shard: RunShard) -> Saved | None:
        """None when it is not known who was in which audience; a shard that did not exist then was empty."""
        if self.before is None:
            return None
        earlier = self.earlier.get(shard.number)
        if earlier is None:
            none = np.zeros((0, len(self.before.audiences)), dtype=np.bool_)
            return Saved(np.zeros(0, dtype=np.int64), none, [])
        return load(shard_file(earlier), len(self.before.audiences)) if intact(earlier) else None


def forget_lost_files(run: AudienceRun, lease: Lease) -> None:
    """Open again the finished shards whose file is gone or damaged (another machine, a clean-up)."""
    done = RunShard.objects.filter(run=run, done_at__isnull=False)
    lost = [shard.pk for shard in done if not intact(shard)]
    with lease.writing() as held:
        RunShard.objects.filter(pk__in=lost).update(done_at=None)
        held.shards_done = RunShard.objects.filter(run=run, done_at__isnull=False).count()
        held.save(update_fields=["shards_done"])


def intact(shard: RunShard) -> bool:
    path = shard_file(shard)
    return path.is_file() and digest(path) == shard.counts.get("sha256")
