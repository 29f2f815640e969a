"""A wrong offer was live: who saw it, who took it, under which releases, and who approved it?

Read from what is kept: token events name campaign, price and decision; decision records name the release. Nothing here
writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Max, Min
from django.db.models.fields.json import KT

from audiences.models import Event, EventKind, MoneyEvent, Subject
from campaigns.models import Approval
from merch.models import DecisionRecord

CHUNK = 5_000


class Seen(NamedTuple):
    """One subject to whom it was displayed."""

    subject: str  # a:<id> or d:<id>
    times: int
    first_at: datetime
    last_at: datetime
    converted_at: datetime | None  # the first conversion of the same offer after that


class Signed(NamedTuple):
    """Who asked for a content of the campaign, and who let it through."""

    content_hash: str
    requested_by: str
    decided_by: str
    decided_at: datetime | None


class Incident(NamedTuple):
    """Everything that is known of one campaign during [since, until)."""

    seen: list[Seen]
    releases: list[str]  # digests, in the order in which they were first served with it
    approvals: list[Signed]

    @property
    def converted(self) -> int:
        return sum(1 for each in self.seen if each.converted_at is not None)


def of_campaign(key: str, since: datetime, until: datetime, *, price: int | None = None) -> Incident:
    """Whoever saw the campaign; with ``price``, at this price id only.

    Decision records are kept 7 days; older releases are not named.
    """
    shown = Event.objects.filter(
        kind=EventKind.IMPRESSION, day__gte=since.date(), occurred_at__gte=since, occurred_at__lt=until,
        properties__campaign=key,
    )  # fmt: skip
    if price is not None:
        shown = shown.filter(properties__price=price)
    # One row per subject and offer; a subject that saw two offers of the campaign stands there once for each.
    rows = list(
        shown.values("subject_id", offer=KT("properties__offer"))
        .annotate(times=Count("*"), first=Min("occurred_at"), last=Max("occurred_at"))
        .order_by("first", "subject_id")
    )
    names = dict(_names(row["subject_id"] for row in rows))
    taken = dict(_taken({row["subject_id"] for row in rows}, {row["offer"] for row in rows if row["offer"]}, since))
    seen = [
        Seen(
            names.get(row["subject_id"], "erased"), row["times"], row["first"], row["last"],
            next((at for at in taken.get((row["subject_id"], row["offer"]), ()) if at >= row["first"]), None),
        )
        for row in rows
    ]  # fmt: skip
    decisions = shown.values_list(KT("properties__decision"), flat=True).distinct()
    return Incident(seen, _releases(UUID(each) for each in decisions if each), _approvals(key, until))


def _names(ids: Iterable[int]) -> Iterator[tuple[int, str]]:
    wanted = sorted(set(ids))
    for at in range(0, len(wanted), CHUNK):
        for row in Subject.objects.filter(pk__in=wanted[at : at + CHUNK]).only("kind", "key"):
            yield row.pk, f"{row.kind}:{row.key}"


def _taken(ids: set[int], offers: set[str], since: datetime) -> Iterator[tuple[tuple[int, str], list[datetime]]]:
    """When each of them converted to one of these offers, oldest first."""
    rows = (
        MoneyEvent.objects.filter(
            kind=EventKind.CONVERSION, occurred_at__gte=since, properties__offer__in=sorted(offers)
        )
        .order_by("occurred_at")
        .values_list("subject_id", KT("properties__offer"), "occurred_at")
    )
    found: dict[tuple[int, str], list[datetime]] = {}
    for subject_id, offer, at in rows:
        if subject_id in ids:
            found.setdefault((subject_id, offer), []).append(at)
    yield from found.items()


def _releases(decisions: Iterable[UUID]) -> list[str]:
    wanted = sorted(decisions)
    first: dict[str, datetime] = {}
    for at in range(0, len(wanted), CHUNK):
        rows = DecisionRecord.objects.filter(decision_id__in=wanted[at : at + CHUNK])
        for digest, moment in rows.values_list("release").annotate(first=Min("decided_at")):
            first[digest] = min(moment, first.get(digest, moment))
    return sorted(first, key=lambda digest: first[digest])


def _approvals(key: str, until: datetime) -> list[Signed]:
    rows = Approval.objects.filter(campaign__key=key, decision=Approval.Decision.APPROVED, decided_at__lt=until)
    return [
        Signed(
            row.content_hash, row.requested_by.get_username(), row.decided_by.get_username() if row.decided_by else "",
            row.decided_at,
        )
        for row in rows.select_related("requested_by", "decided_by").order_by("-decided_at")
    ]  # fmt: skip
