"""What would this file change, and (with ``apply``) who changed it?

The plan is the import itself, undone at the end: what it says is what applying does. One transaction, so nothing is
ever half-written and a killed import is simply started again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from msgspec import Struct

from audiences.rules import Problem
from audiences.rules.problems import Findings
from campaigns import editing
from campaigns.importing import catalogue, definitions, markets, prices, showing
from campaigns.importing.desk import Desk
from campaigns.importing.lines import Line, Verdict
from campaigns.importing.shaping import Placed, key_of, shape
from campaigns.models import Campaign

WRITERS: dict[str, Callable[[Desk, Placed, Any], None]] = {
    "traits": definitions.trait,
    "contexts": definitions.context,
    "events": definitions.event,
    "markets": markets.market,
    "domains": markets.domain,
    "plan_groups": catalogue.plan_group,
    "plans": catalogue.plan,
    "prices": prices.price,
    "formats": showing.format_,
    "placements": showing.placement,
    "audiences": definitions.audience,
    "offers": catalogue.offer,
    "creatives": showing.creative,
    "guards": showing.guard,
}


class Outcome(Struct, frozen=True):
    """``lines``: what became (or would become) of each entry. With ``problems`` nothing was written."""

    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]
    applied: bool

    def count(self, verdict: Verdict) -> int:
        return sum(line.verdict == verdict for line in self.lines)

    @property
    def changes(self) -> bool:
        """Whether anything differs from what is there."""
        return any(line.verdict != Verdict.UNCHANGED for line in self.lines)


def run(document: Any, *, by: User | None, now: datetime, apply: bool, why: str = "") -> Outcome:
    """Bring the catalogue in line with the document, or say what that would change."""
    findings = Findings()
    entries = shape(document, findings)
    desk = Desk(by=by, now=now, why=why, findings=findings, named=_named(document, entries))
    with transaction.atomic():
        _lock()
        for at in entries:
            with desk.entry(at):
                WRITERS[at.section](desk, at, at.entry)
        desk.finish()
        written = apply and not findings.problems
        if not written:
            transaction.set_rollback(True)
    return Outcome(tuple(desk.lines), tuple(findings.problems), written)


def _named(document: Any, entries: list[Placed]) -> list[tuple[str, str]]:
    """Every key that the file names, also of entries that are badly shaped: those are reported once, by themselves."""
    found = [(each.section, each.key) for each in entries]
    if isinstance(document, dict):
        found += [
            (section, key_of(section, raw))
            for section, raws in document.items()
            if section in WRITERS and isinstance(raws, list)
            for raw in raws
        ]
    return found


def _lock() -> None:
    """Campaigns before the history, in every transaction; see campaigns.editing."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    editing.lock(Campaign.objects.all())
