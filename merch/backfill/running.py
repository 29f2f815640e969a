"""What would this file bring, and how is it brought in, chunk by chunk, whatever kills it in between?

A chunk's rows, its share of the totals and how far the run has come are one transaction. A killed run therefore goes
on after its last whole chunk, and nothing is kept twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db import connection, transaction
from msgspec import Struct

from merch.backfill import named, runs
from merch.backfill.cells import passes
from merch.backfill.jobs import Job
from merch.backfill.others import Others
from merch.backfill.rejects import Rejects
from merch.backfill.sources import Chunk, Source
from merch.backfill.tally import Refused, Tally
from merch.intake.refusals import Refusal
from merch.models import BackfillRun
from merch.subjects import publish
from merch.subjects.store import Store
from merch.subjects.store import store as serving_store

CHUNK = 5_000  # rows; their subjects stay locked for some tenths of a second
PUBLISHED_AT_ONCE = 500

OWED = """
SELECT DISTINCT subject_id FROM audiences_dirtysubject WHERE written_at IS NULL AND subject_id > %s
ORDER BY subject_id LIMIT %s
"""

Item = TypeVar("Item")
Reject = tuple[Refused, Mapping[str, Any]]


class Edge(Struct, frozen=True):
    """What the terminal lends. ``heard`` is told (position in the file, rows so far); ``paced`` keeps to a rate."""

    clock: Callable[[], datetime]
    heard: Callable[[int, int], None]
    paced: Callable[[int], None]
    chunk: int = CHUNK


class Plan(NamedTuple):
    """``others``: subjects that the file does not name and ``otherwise`` exposes."""

    tally: Tally
    subjects: named.Counted
    others: int | None


def plan(job: Job[Any], source: Source, rejects: Rejects, everybody: Source | None, edge: Edge) -> Plan:
    """Read the whole file and write nothing but rejects, where a file for them is given."""
    tally = Tally()
    named.begin()
    for chunk in source.chunks(edge.chunk, job.columns):
        items, refused = _examined(job, chunk, tally)
        named.add(job.named(item) for _, item in items)
        rejects.add(refused)
        edge.heard(chunk.position, tally.rows)
    with transaction.atomic():
        _unhurried()
        subjects = named.counted()
        if job.others is None:
            return Plan(tally, subjects, None)
        job.others.gather(everybody)
        return Plan(tally, subjects, job.others.number())


def apply(
    job: Job[Any], source: Source, run: BackfillRun, rejects: Rejects, everybody: Source | None, edge: Edge
) -> Tally:
    """Bring in what the run has not brought in yet; only while ``runs.alone``."""
    tally = runs.tally_of(run)
    for chunk in source.chunks(edge.chunk, job.columns, skip=run.rows_done):
        _bring(job, chunk, run, tally, rejects, edge.clock())
        edge.heard(chunk.position, tally.rows)
        edge.paced(len(chunk.rows))
    if job.others is not None:
        _bring_others(job.others, run, tally, everybody, edge)
    runs.finish(run, now=edge.clock())
    return tally


def publish_owed(edge: Edge, store: Store = serving_store) -> int | None:
    """Bring every record that is owed to the serving store; how many, or None where it does not answer.

    Owed are those of a killed run as well. What is not brought now the sweeper brings.
    """
    if not store.warm():
        return None
    done, after = 0, 0
    while ids := _owed(after):
        if not publish.publish_ids(ids, now=edge.clock(), store=store):
            return None
        done, after = done + len(ids), ids[-1]
    return done


def _examined(job: Job[Item], chunk: Chunk, tally: Tally) -> tuple[list[tuple[int, Item]], list[Reject]]:
    """The chunk's good rows and its bad ones, counted."""
    items: list[tuple[int, Item]] = []
    refused: list[Reject] = []
    tally.rows += len(chunk.rows)
    for number, row in enumerate(chunk.rows, chunk.first):
        try:
            if isinstance(row, Refusal):
                raise row
            if not passes(row, job.where):
                tally.left_out += 1
                continue
            item = job.read(number, row)
        except Refusal as refusal:
            cells = {} if isinstance(row, Refusal) else row
            refused.append((Refused(number, refusal.code, str(refusal)), cells))
        else:
            items.append((number, item))
            job.count(item, tally)
    tally.add_refused(each for each, _ in refused)
    return items, refused


def _bring(job: Job[Any], chunk: Chunk, run: BackfillRun, tally: Tally, rejects: Rejects, now: datetime) -> None:
    items, refused = _examined(job, chunk, tally)
    with transaction.atomic():
        _unhurried()
        wrote = job.write(items, now=now)
        late = [(each, _cells(chunk, each.row)) for each in wrote.refused]
        tally.add_refused(each for each, _ in late)
        for name, number in wrote.counts.items():
            tally.add_written(name, number)
        runs.advance(run, tally, rejects.add(refused + late), now=now)


def _cells(chunk: Chunk, number: int) -> Mapping[str, Any]:
    row = chunk.rows[number - chunk.first]
    return {} if isinstance(row, Refusal) else row


def _bring_others(others: Others, run: BackfillRun, tally: Tally, everybody: Source | None, edge: Edge) -> None:
    """Those that are exposed already are passed over, so that this may be killed and done again too."""
    with transaction.atomic():
        _unhurried()
        others.gather(everybody)
    while True:
        with transaction.atomic():
            _unhurried()
            found = others.write(now=edge.clock())
            tally.add_written(f"exposures of others to {others.arm}", found)
            runs.advance(run, tally, run.rejects_size, now=edge.clock())
        if not found:
            return
        edge.paced(found)


def _owed(after: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(OWED, [after, PUBLISHED_AT_ONCE])
        return [id_ for (id_,) in cursor.fetchall()]


def _unhurried() -> None:
    """A chunk may take longer than a request."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '60s', true)")
