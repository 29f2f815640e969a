"""How does a run begin, which shards are open, and where are its files?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.db.models.functions import Now

from audiences import locks
from audiences.catalogue import vocabulary
from audiences.membership.leaves import LAYOUT, ensure_leaves
from audiences.membership.plan import PlannedAudience, PlannedLeaf, RunPlan, frozen, read_leaf, readable, rule_digest
from audiences.models import Audience, AudienceRun, BehaviourLeaf, RunShard
from audiences.moments import DAY, micros
from audiences.rules import Rule, Vocabulary
from audiences.rules.nodes import ListLeaf

SHARD = 50_000  # subject ids, so that shards are the same ranges in every run
ENGINES = ("duckdb", "postgres")
SETTLED = timedelta(hours=1)  # events of a day that has just closed may come a little late


State = AudienceRun.State


class UnknownAudience(ValueError):
    """A slug that no computable audience has; the sentence names it."""


def start_run(as_of: datetime, slugs: Sequence[str] | None = None, engine: str = "duckdb") -> AudienceRun:
    """A queued run with its plan frozen, or the unfinished one that computes the same.

    ``slugs`` restricts which audiences are counted; bits are always computed for all. Raises UnknownAudience.
    """
    if engine not in ENGINES:
        raise ValueError(f"There is no engine {engine!r}; use one of: {', '.join(ENGINES)}.")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.START_RUN])
        plan = _plan(slugs)
        same = AudienceRun.objects.filter(
            as_of=as_of,
            engine=engine,
            layout=LAYOUT,
            plan__identity=plan.identity,
            state__in=[State.QUEUED, State.RUNNING],
        )
        return same.first() or _queued(as_of, engine, plan)


def _queued(as_of: datetime, engine: str, plan: RunPlan) -> AudienceRun:
    numbers = _ranges()
    run = AudienceRun.objects.create(
        as_of=as_of,
        engine=engine,
        layout=LAYOUT,
        plan=frozen(plan),
        shards=len(numbers),
        created_at=Now(),
        note=plan.note,
    )
    RunShard.objects.bulk_create(
        RunShard(run=run, number=number, after=number * SHARD, up_to=(number + 1) * SHARD) for number in numbers
    )
    run.refresh_from_db()
    return run


def _ranges() -> list[int]:
    """The ranges of ids in which there are subjects."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT DISTINCT (id - 1) / %s AS range FROM audiences_subject ORDER BY range", [SHARD])
        return [row[0] for row in cursor.fetchall()]


def _plan(slugs: Sequence[str] | None) -> RunPlan:
    known, audiences, skipped = readable(vocabulary())
    rows = {row.slug: row for row in Audience.objects.all()}
    ensure_leaves(rule or Rule(ListLeaf(slug)) for slug, rule in audiences.items())
    leaves, unreadable = _leaves(known, audiences)
    counted = [slug for slug in sorted(audiences) if not rows[slug].archived] if slugs is None else sorted(set(slugs))
    if missing := [slug for slug in counted if slug not in audiences]:
        reasons = [f"{slug}: {skipped.get(slug, 'there is no such audience.')}" for slug in missing]
        raise UnknownAudience(" ".join(reasons))
    newest = newest_published()
    return RunPlan(
        vocabulary=known,
        audiences=tuple(PlannedAudience(rows[slug].pk, slug, rule_digest(audiences[slug])) for slug in counted),
        leaves=tuple(leaves),
        lists={slug: rows[slug].pk for slug, rule in audiences.items() if rule is None},
        compare_to=newest.pk if newest else None,
        skipped=skipped,
        unreadable=tuple(unreadable),
    )


def _leaves(known: Vocabulary, audiences: dict[str, Rule | None]) -> tuple[list[PlannedLeaf], list[int]]:
    leaves: list[PlannedLeaf] = []
    unreadable: list[int] = []
    for row in BehaviourLeaf.objects.filter(layout=LAYOUT).order_by("position"):
        if read_leaf(row.leaf, known, audiences) is None:
            unreadable.append(row.position)
        else:
            leaves.append(PlannedLeaf(row.position, row.digest, row.leaf))
    return leaves, unreadable


def due(now: datetime) -> datetime | None:
    """The as-of moment of the run that should be started now, or None.

    Due is the run of the last closed UTC day, and one as of now for a behaviour or audience newer than every run.
    A run of either that was held or has failed is not repeated: a person must look.
    """
    closed = (now - SETTLED).replace(hour=0, minute=0, second=0, microsecond=0)
    if not AudienceRun.objects.filter(as_of__gte=closed).exists():
        return closed
    newest = AudienceRun.objects.aggregate(newest=Max("created_at"))["newest"]
    new_leaf = BehaviourLeaf.objects.filter(layout=LAYOUT, filled_by__isnull=True, created_at__gt=newest)
    new_audience = Audience.objects.filter(archived=False, created_at__gt=newest)
    return now if new_leaf.exists() or new_audience.exists() else None


def newest_published() -> AudienceRun | None:
    """The run whose answers are in force."""
    return AudienceRun.objects.filter(state=State.PUBLISHED).order_by("-pk").first()


def computed(run: AudienceRun | None) -> AudienceRun | None:
    """The run that computed what ``run`` put in force: itself, unless it went back to an earlier one."""
    while run is not None and "restores" in run.plan:
        run = AudienceRun.objects.filter(pk=run.plan["restores"]).first()
    return run


def day_of_run(run: AudienceRun) -> date:
    """D: the UTC day of the as-of moment, which no window reaches."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + micros(run.as_of) // DAY)


def exports() -> Path:
    """Where all runs keep what they can make again."""
    return Path(settings.MERCH_HOME) / "exports"


def folder(run_id: int) -> Path:
    return exports() / f"run-{run_id}"


def shard_file(shard: RunShard) -> Path:
    """Where the recorded outcome of a finished shard stands."""
    return folder(shard.run_id) / str(shard.counts.get("file", "none"))
