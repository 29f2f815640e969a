"""For how long must strict caps withhold after the serving store lost its holds?"""

from __future__ import annotations

import zlib

from campaigns.models import FrequencyCap
from merch.models import Publication
from merch.subjects.holds import LIFE

STRICT = b'"strict":true'  # as a release spells it


def hold_off() -> int:
    """Milliseconds: as long as a hold lasts; none where no cap is strict, so that nothing can have been lost."""
    return LIFE if FrequencyCap.objects.filter(strict=True).exists() or _served() else 0


def _served() -> bool:
    newest = Publication.objects.select_related("release").order_by("-number").first()
    return newest is not None and STRICT in zlib.decompress(newest.release.document)
