"""What the tests of intake send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from audiences.models import Subject
from audiences.moments import micros
from merch.engine.facts import SubjectRecord
from merch.intake import Receipt, receive
from merch.subjects.store import store
from merch.tokens import Claims, sign

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DECISION = "0199a0b1-7c5e-7def-8abc-0123456789ab"


def token(decided_at: datetime = NOW - timedelta(minutes=5), **said: Any) -> str:
    """A slot's token of the campaign first-trial for acc_1."""
    facts: dict[str, Any] = {
        "decision_id": DECISION, "kind": "a", "subject_key": "acc_1", "placement": "home-hero", "slot": 0,
        "campaign": "first-trial", "item": "hero", "tier": "COMMERCIAL", "format": "hero", "offer": "trial-30",
        "offer_version": 3, "session": 9,
    }  # fmt: skip
    return sign(Claims(decided_at=micros(decided_at), **facts | said))


def seen(kind: str = "impression", at: datetime | None = NOW, **said: Any) -> dict[str, Any]:
    """A token event."""
    return {"type": kind, "token": token(**said)} | ({} if at is None else {"occurred_at": at.isoformat()})


def custom(event_id: str = "e1", at: datetime = NOW, name: Any = "listen", **said: Any) -> dict[str, Any]:
    sent = {"type": "custom", "name": name, "account_id": "acc_1", "event_id": event_id, "occurred_at": at.isoformat()}
    return sent | said


def bought(event_id: str = "c1", at: datetime = NOW, /, **properties: Any) -> dict[str, Any]:
    return custom(event_id, at, "subscribe", type="conversion", properties=properties)


def send(
    *batch: Any, scope: str = "server", sent_at: datetime | None = None, now: datetime = NOW, backfill: bool = False
) -> Receipt:
    return receive(batch, key_scope=scope, source="shop", sent_at=sent_at, now=now, backfill=backfill)


def codes(*batch: Any, **how: Any) -> list[tuple[int, str]]:
    """Position and code of what was rejected."""
    return [(each.index, each.code) for each in send(*batch, **how).rejected]


def history(key: str = "acc_1") -> dict[str, Any]:
    return dict(Subject.objects.get(key=key).history)


def counts(key: str = "acc_1") -> dict[str, int]:
    return {name: cell[0] for name, cell in history(key).items()}


def served(key: str = "acc_1") -> SubjectRecord:
    """The record as the next decision reads it."""
    subject = store.read("a", key, 1)
    assert subject is not None
    return subject.record
