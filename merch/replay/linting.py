"""What does a release, with what was counted of audiences and decisions, give its reader to look at?"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from audiences.models import AudienceCount, AudienceRun
from audiences.moments import micros
from merch import reexecution
from merch.engine.compiled import Release
from merch.releases.lint import Counted, Finding, lint
from merch.replay.fates import fates

SINCE = timedelta(days=7)
MOST_DECISIONS = 2_000


def findings(release: Release, *, now: datetime, decisions: int = MOST_DECISIONS) -> list[Finding]:
    """``decisions`` of the last 7 days at most are made again; 0: nobody is called starved."""
    rows = reexecution.records_since(now - SINCE, 1.0) if decisions else iter(())
    found = fates(map(reexecution.unpack, islice(rows, decisions)), release)
    return lint(release, micros(now), Counted(sizes(), found.decisions, found.won, found.outranked))


def sizes() -> dict[str, int]:
    """Of audiences, as the newest published run counted them."""
    newest = AudienceRun.objects.filter(state=AudienceRun.State.PUBLISHED).first()
    if newest is None:
        return {}
    rows = AudienceCount.objects.filter(run=newest).select_related("audience")
    return {row.audience.slug: row.size for row in rows}
