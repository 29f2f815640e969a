"""Which subjects' bits did a run change, and how are they written, and taken back?"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from audiences.engines.outcome import load
from audiences.membership.plan import RunPlan
from audiences.membership.runs import shard_file
from audiences.models import AudienceRun, RunShard

STAGED = "CREATE TEMP TABLE staged_bits (subject_id bigint, bits bytea) ON COMMIT DROP"

# Only what differs is touched. The subject is locked against erasure alone, so nobody's traits wait for a run.
CHANGED = """
INSERT INTO audiences_behaviourbits AS held (subject_id, layout, run_id, bits, published)
SELECT staged.subject_id, %(layout)s, %(run)s, staged.bits, false
FROM staged_bits staged
JOIN audiences_subject subject ON subject.id = staged.subject_id
WHERE NOT EXISTS (
    SELECT FROM audiences_behaviourbits same
    WHERE same.subject_id = staged.subject_id AND same.bits = staged.bits AND same.layout = %(layout)s
)
ORDER BY staged.subject_id
FOR KEY SHARE OF subject
ON CONFLICT (subject_id) DO UPDATE SET
    layout = EXCLUDED.layout, run_id = EXCLUDED.run_id, bits = EXCLUDED.bits, published = false,
    previous_run_id = held.run_id, previous_bits = held.bits
"""

EMPTIED = """
UPDATE audiences_behaviourbits held SET
    layout = %(layout)s, run_id = %(run)s, bits = '', published = false,
    previous_run_id = held.run_id, previous_bits = held.bits
WHERE held.bits <> '' AND held.subject_id <= %(up_to)s
  AND NOT EXISTS (SELECT FROM staged_bits staged WHERE staged.subject_id = held.subject_id)
"""

TAKEN_BACK = """
UPDATE audiences_behaviourbits held SET
    run_id = %(run)s, bits = coalesce(held.previous_bits, ''), published = false,
    previous_run_id = held.run_id, previous_bits = held.bits
WHERE held.run_id = %(back_from)s
"""


def write_bits(run: AudienceRun, plan: RunPlan) -> int:
    """Write the changed bits of a run, inside the caller's transaction; how many subjects changed."""
    shards = list(RunShard.objects.filter(run=run))
    names = {"layout": run.layout, "run": run.pk, "up_to": max((shard.up_to for shard in shards), default=0)}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.staged_bits")
        cursor.execute(STAGED)
        with cursor.copy("COPY staged_bits FROM STDIN (FORMAT binary)") as stream:
            stream.set_types(["int8", "bytea"])
            for row in _bits(shards, plan):
                stream.write_row(row)
        cursor.execute("ANALYZE staged_bits")
        cursor.execute(CHANGED, names)
        changed = cursor.rowcount
        cursor.execute(EMPTIED, names)
        return int(changed + cursor.rowcount)


def take_back_bits(run: AudienceRun, back_from: AudienceRun) -> int:
    """Give every subject that ``back_from`` changed its previous bits, as changes of ``run``."""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_BACK, {"run": run.pk, "back_from": back_from.pk})
        return int(cursor.rowcount)


def _bits(shards: list[RunShard], plan: RunPlan) -> Iterator[tuple[int, bytes]]:
    """The subjects with any bit."""
    for shard in shards:
        saved = load(shard_file(shard), len(plan.audiences))
        yield from ((subject, bits) for subject, bits in zip(saved.ids.tolist(), saved.bits, strict=True) if bits)
