"""Who was not given anything, so that they are the arm to compare with?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from audiences.records import Ref
from experiments.exposures import ExposureRow, insert_exposures
from merch.backfill import named
from merch.backfill.cells import ref_of
from merch.backfill.mapping import KINDS, Who
from merch.backfill.sources import Source
from merch.intake.refusals import Refusal

CHUNK = 5_000


class Others:
    """Everybody whom no row of the file and no earlier exposure names: exposed to one arm at one moment."""

    def __init__(self, experiment_id: int, exposure: ExposureRow, who: Who) -> None:
        self._experiment_id = experiment_id
        self._exposure = exposure  # of nobody yet
        self._who = who
        self.arm = exposure.arm

    def gather(self, everybody: Source | None) -> None:
        """Fill the table of everybody: from the file of everybody, or with all who are known."""
        if everybody is None:
            named.everybody_known(KINDS[self._who.kind])
            return
        named.begin(named.EVERYBODY)
        for chunk in everybody.chunks(CHUNK, {self._who.column}):
            named.add(((ref, "") for ref in _refs(chunk.rows, self._who)), named.EVERYBODY)

    def number(self) -> int:
        """How many there are, once the file's own rows stand in the table of the named."""
        return named.others(self._experiment_id, self._exposure.version)

    def write(self, *, now: datetime) -> int:
        """Expose the next of them, in the caller's transaction; how many, 0 when all are."""
        refs = named.unexposed(self._experiment_id, self._exposure.version)
        insert_exposures([_of(self._exposure, ref) for ref in refs], now=now)
        return len(refs)


def _of(exposure: ExposureRow, ref: Ref) -> ExposureRow:
    return ExposureRow(
        kind=ref.kind, key=ref.key, test=exposure.test, version=exposure.version, arm=exposure.arm,
        propensity=exposure.propensity, at=exposure.at, source=exposure.source,
    )  # fmt: skip


def _refs(rows: Sequence[Any], who: Who) -> Iterator[Ref]:
    """Rows without a usable id are passed over: they were rejected where their traits came in."""
    for row in rows:
        if isinstance(row, Refusal):
            continue
        try:
            yield ref_of(row, who)
        except Refusal:
            continue
