"""How large is each audience now, and which shrank so much that a person must look?"""

from __future__ import annotations

from collections.abc import Iterable

from audiences.membership.plan import RunPlan
from audiences.membership.runs import computed, newest_published
from audiences.models import AudienceCount, AudienceRun, RunShard

# Below this a behaviour's share moves too easily by chance; an audience is guarded from the first subject on.
SMALLEST_GUARDED_LEAF = 100


def tally(run: AudienceRun, plan: RunPlan) -> list[AudienceCount]:
    """The run's counts, summed over its shards and written; a repetition overwrites them."""
    shards = [shard.counts["audiences"] for shard in RunShard.objects.filter(run=run)]
    previous = published_sizes(audience.id for audience in plan.audiences)
    counts = []
    for audience in plan.audiences:
        parts = [shard[audience.slug] for shard in shards]
        size, before = sum(part[0] for part in parts), previous.get(audience.id)
        counts.append(
            AudienceCount(
                run=run,
                audience_id=audience.id,
                size=size,
                previous_size=before,
                entered=_sum(part[1] for part in parts),
                left=_sum(part[2] for part in parts),
                held=has_shrunk(before, size),
            )
        )
    fields = ["size", "previous_size", "entered", "left", "held"]
    AudienceCount.objects.bulk_create(
        counts, update_conflicts=True, unique_fields=["run", "audience"], update_fields=fields
    )
    return counts


def published_sizes(audience_ids: Iterable[int]) -> dict[int, int]:
    """Each audience's size of the newest published run that counted it."""
    published = AudienceCount.objects.filter(run__state=AudienceRun.State.PUBLISHED, audience__in=list(audience_ids))
    newest = published.order_by("audience_id", "-run_id").distinct("audience_id")
    return dict(newest.values_list("audience_id", "size"))


def leaf_sizes(run: AudienceRun) -> dict[str, int]:
    """How many subjects have each bit, by position."""
    sizes: dict[str, int] = {}
    for shard in RunShard.objects.filter(run=run, done_at__isnull=False):
        for position, size in shard.counts["leaves"].items():
            sizes[position] = sizes.get(position, 0) + size
    return sizes


def has_shrunk(before: int | None, now: int) -> bool:
    """Below half, or to nothing."""
    return before is not None and 2 * now < before


def shrunken(run: AudienceRun, plan: RunPlan, counts: list[AudienceCount]) -> list[str]:
    """A sentence for each audience and behaviour that shrank too much."""
    slugs = {audience.id: audience.slug for audience in plan.audiences}
    found = [
        f"The audience {slugs[count.audience_id]} shrank from {count.previous_size} to {count.size}."
        for count in counts
        if count.held
    ]
    newest = computed(newest_published())
    before = leaf_sizes(newest) if newest and newest.layout == run.layout else {}
    now = leaf_sizes(run)
    for leaf in plan.leaves:
        size, was = now.get(str(leaf.position), 0), before.get(str(leaf.position), 0)
        if was >= SMALLEST_GUARDED_LEAF and has_shrunk(was, size):
            found.append(f"The behaviour at position {leaf.position} shrank from {was} subjects to {size}.")
    return found


def _sum(parts: Iterable[int | None]) -> int | None:
    """None when any part is unknown."""
    found = list(parts)
    known = [part for part in found if part is not None]
    return sum(known) if len(known) == len(found) else None
