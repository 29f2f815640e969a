"""How do traits and consent come in from a file? (A plan by default; --apply writes it.)"""

from datetime import datetime
from typing import Any

from audiences.rules.problems import Findings
from merch.backfill.jobs import Job
from merch.backfill.mapping import TraitsMapping, mapping_of
from merch.backfill.traits import Traits
from merch.management.backfill import BackfillCommand


class Command(BackfillCommand):
    """Traits and consent of subjects."""

    help = f"Bring traits and consent in from a file. {BackfillCommand.exits}"
    verb = "traits"

    def job(self, mapping: Any, file_digest: str, findings: Findings, now: datetime) -> Job[Any] | None:
        found = mapping_of(mapping, TraitsMapping, findings)
        return Traits(found, findings) if found else None
