"""How do a file's rows become exposures of an experiment that was assigned elsewhere?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from audiences.moments import micros
from audiences.records import Ref
from audiences.rules.problems import Findings, nearest
from experiments.exposures import ExposureRow, insert_exposures
from experiments.models import Experiment
from merch.backfill.cells import instant_of, raw_of, ref_of
from merch.backfill.jobs import Job, Row, Wrote
from merch.backfill.mapping import KINDS, ExposuresMapping, columns_of, text_of
from merch.backfill.others import Others
from merch.backfill.tally import Tally
from merch.intake.refusals import Refusal


class Exposures(Job[ExposureRow]):
    """Of several rows of one subject the earliest counts."""

    def __init__(self, mapping: ExposuresMapping, findings: Findings) -> None:
        self.mapping = mapping
        self.columns = frozenset(columns_of(mapping))
        self.where = mapping.where
        self._propensity: dict[str, float] = {}
        experiment = Experiment.objects.filter(key=mapping.experiment).first()
        if experiment is None:
            known = Experiment.objects.values_list("key", flat=True)
            findings.unknown("experiment", mapping.experiment, known, "experiment")
            return
        self.version = mapping.version or experiment.version
        self._check(experiment, findings)
        if mapping.otherwise is not None and not findings.problems:
            nobody = Ref(KINDS[mapping.subject.kind], "")
            exposure = self._exposure(nobody, mapping.otherwise.arm, micros(mapping.otherwise.at))
            self.others = Others(experiment.pk, exposure, mapping.otherwise.subject or mapping.subject)

    def _check(self, experiment: Experiment, findings: Findings) -> None:
        declared = dict(experiment.variants.values_list("key", "propensity"))
        if not 1 <= self.version <= experiment.version:
            hint = f"The current one is {experiment.version}."
            findings.add("mapping.version", "version", f"It has no version {self.version}.", hint)
        arms = declared.keys() if self.version == experiment.version else declared.keys() | self.mapping.propensity
        self._propensity = {arm: self.mapping.propensity.get(arm) or declared.get(arm) or 1.0 for arm in arms}
        for arm in self._named_arms() - arms:
            findings.unknown("arm", arm, arms, "arm")
        for arm, propensity in self.mapping.propensity.items():
            if not 0 < propensity <= 1:
                sentence = f"{propensity} is no probability."
                findings.add("mapping.propensity", f"propensity.{arm}", sentence, "Write a number above 0, at most 1.")

    def _named_arms(self) -> set[str]:
        cell, otherwise = self.mapping.arm, self.mapping.otherwise
        named_ = {str(cell.constant)} if cell.column is None else {str(arm) for arm in (cell.values or {}).values()}
        return named_ | set(self.mapping.propensity) | ({otherwise.arm} if otherwise else set())

    def read(self, number: int, row: Row) -> ExposureRow:
        arm = text_of(raw_of(row, self.mapping.arm))
        if arm not in self._propensity:
            hint = nearest(arm, self._propensity, "arm") if arm else f"{self.mapping.arm.column} is empty."
            raise Refusal("unknown_arm", f"{arm!r} is no arm of {self.mapping.experiment}. {hint}")
        return self._exposure(ref_of(row, self.mapping.subject), arm, instant_of(row, self.mapping.at))

    def _exposure(self, ref: Ref, arm: str, at: int) -> ExposureRow:
        return ExposureRow(
            kind=ref.kind, key=ref.key, test=f"experiment|{self.mapping.experiment}", version=self.version,
            arm=arm, propensity=self._propensity[arm], at=at, source="backfill",
        )  # fmt: skip

    def named(self, item: ExposureRow) -> tuple[Ref, str]:
        return Ref(item.kind, item.key), item.arm

    def count(self, item: ExposureRow, tally: Tally) -> None:
        tally.add_found(f"arm {item.arm}")

    def write(self, items: Sequence[tuple[int, ExposureRow]], *, now: datetime) -> Wrote:
        rows = _earliest(item for _, item in items)
        return Wrote({"exposures new or earlier": len(insert_exposures(rows, now=now))})


def _earliest(rows: Iterable[ExposureRow]) -> list[ExposureRow]:
    """One row per subject; of those at one moment the first of the file."""
    found: dict[Ref, ExposureRow] = {}
    for row in rows:
        held = found.setdefault(Ref(row.kind, row.key), row)
        if row.at < held.at:
            found[Ref(row.kind, row.key)] = row
    return list(found.values())
