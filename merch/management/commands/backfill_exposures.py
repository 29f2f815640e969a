"""How do assignments that were made elsewhere come in from a file? (A plan by default; --apply writes it.)"""

from datetime import datetime
from typing import Any

from audiences.rules.problems import Findings
from merch.backfill.exposures import Exposures
from merch.backfill.jobs import Job
from merch.backfill.mapping import ExposuresMapping, mapping_of
from merch.management.backfill import BackfillCommand


class Command(BackfillCommand):
    """Exposures of an experiment that was assigned elsewhere."""

    help = f"Bring exposures of an experiment in from a file. {BackfillCommand.exits}"
    verb = "exposures"
    everybody = True

    def job(self, mapping: Any, file_digest: str, findings: Findings, now: datetime) -> Job[Any] | None:
        found = mapping_of(mapping, ExposuresMapping, findings)
        return Exposures(found, findings) if found else None
