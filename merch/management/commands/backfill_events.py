"""How do past events come in from a file? (A plan by default; --apply writes it.)"""

from datetime import datetime
from typing import Any

from audiences.rules.problems import Findings
from merch.backfill.events import Events
from merch.backfill.jobs import Job
from merch.backfill.mapping import EventsMapping, mapping_of
from merch.management.backfill import BackfillCommand


class Command(BackfillCommand):
    """Events, however long ago."""

    help = f"Bring past events in from a file, each once. {BackfillCommand.exits}"
    verb = "events"

    def job(self, mapping: Any, file_digest: str, findings: Findings, now: datetime) -> Job[Any] | None:
        found = mapping_of(mapping, EventsMapping, findings)
        return Events(found, file_digest, findings, now=now) if found else None
