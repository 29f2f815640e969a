"""What does a database look like in which decisions of a release of one's own were recorded?"""

from __future__ import annotations

import zlib
from datetime import datetime
from uuid import UUID

from audiences.moments import micros
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse, ReleaseDoc, canonical
from merch.engine.facts import Request, Subject
from merch.inputs import Entry
from merch.models import Release
from merch.recording import write


def stored(document: ReleaseDoc, now: datetime) -> Release:
    """The release as a row."""
    ready, data = compile_release(document), canonical(document)
    return Release.objects.get_or_create(
        digest=ready.digest,
        defaults={
            "document": zlib.compress(data), "revision": 0, "built_at": now, "size": len(data),
            "campaigns": len(document.campaigns), "candidates": ready.candidates,
        },
    )[0]  # fmt: skip


def recorded(
    document: ReleaseDoc, request: Request, who: Subject | None, now: datetime, kills: tuple[str, ...] = ()
) -> UUID:
    """Decide and record, as the doors do; the decision's id."""
    release, pulse = compile_release(document), Pulse(kills=frozenset(kills))
    decision = decide(release, pulse, request, who, micros(now))
    write([Entry(release, pulse, request, who, decision)])
    return UUID(request.decision_id)
