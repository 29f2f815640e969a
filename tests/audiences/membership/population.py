"""A generated population: subjects with traits and events of every type that audiences read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from django.db import connection

from audiences.models import Audience, EventDefinition, ListMember, Subject, TraitDefinition
from audiences.moments import micros

AS_OF = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TODAY = AS_OF.date()
NOW = micros(AS_OF)
DAY = 86_400_000_000

TRAITS = [
    ("tier", "string", None),
    ("score", "int", None),
    ("balance", "decimal", None),
    ("opted_in", "bool", None),
    ("trial_end", "date", None),
    ("last_seen", "timestamp", timedelta(days=90)),
    ("genres", "set", None),
    ("client", "version", None),
]
EVENTS = {"listen": {"minutes": "int", "content": "string"}, "purchase": {"amount": "decimal", "gift": "bool"}}
GENRES = ["pop", "rock", "jazz", 'a "quoted", genre', "två\nrader"]
COLUMNS = "source, event_id, day, kind, name, subject_id, occurred_at, claimed_at, received_at, properties, digest"
TIERS = ["free", "premium", "family", ""]


def define() -> None:
    """The declarations behind the population."""
    TraitDefinition.objects.bulk_create(
        TraitDefinition(name=name, label=name, type=of, tolerated_age=age) for name, of, age in TRAITS
    )
    EventDefinition.objects.bulk_create(
        EventDefinition(name=name, label=name, fields=fields) for name, fields in EVENTS.items()
    )


def people(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Traits in stored form with their observed-at, each missing for about a fifth of the subjects."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        values = {
            "tier": TIERS[chance.integers(len(TIERS))],
            "score": int(chance.integers(-5, 40)),
            "balance": int(chance.integers(0, 3000)),
            "opted_in": bool(chance.integers(2)),
            "trial_end": (TODAY - date(1970, 1, 1)).days - int(chance.integers(-30, 800)),
            "last_seen": NOW - int(chance.integers(-5, 100) * DAY),
            "genres": sorted(set(chance.choice(GENRES, size=chance.integers(0, 3)).tolist())),
            "client": (8 << 48) | (int(chance.integers(0, 12)) << 34),
        }
        found.append(
            {
                name: [value, NOW - int(chance.integers(0, 120)) * DAY]
                for name, value in values.items()
                if chance.random() > 0.2
            }
        )
    return found


def populate(count: int, seed: int = 1) -> list[Subject]:
    """Subjects ``s0``, ``s1`` ...; every tenth is a device with the key of the account before it."""
    moment = AS_OF - timedelta(days=500)
    return Subject.objects.bulk_create(
        Subject(
            kind="d" if at % 10 == 9 else "a",
            key=f"s{at - 1 if at % 10 == 9 else at}",
            traits=traits,
            created_at=moment,
            updated_at=moment,
        )
        for at, traits in enumerate(people(count, seed))
    )


def happen(rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
    """Append events: {subject, name, day, properties}. purchase is kept with the money."""
    events = [
        (
            f"{row['day']}-{row['subject']}-{at}",
            row["day"],
            row["name"],
            row["subject"],
            msgspec.json.encode(row["properties"]).decode(),
        )
        for at, row in enumerate(rows)
    ]
    with connection.cursor() as cursor:
        for day in sorted({event[1] for event in events}):
            cursor.execute("SELECT merch_ensure_day('audiences_event', %s)", [day])
        for table, money in (("audiences_event", False), ("audiences_moneyevent", True)):
            with cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN") as stream:
                for event_id, day, name, subject, properties in events:
                    if (name == "purchase") is money:
                        noon = f"{day} 12:00:00+00"
                        kind = "custom"
                        stream.write_row(
                            ("app", event_id, day, kind, name, subject, noon, noon, noon, properties, b"x")
                        )


def doings(subjects: list[Subject], each: float, seed: int = 2) -> list[dict[str, Any]]:
    """About ``each`` events per subject over the last 40 days, today included; a fifth of the subjects do nothing."""
    chance = np.random.default_rng(seed)
    found = []
    for subject in subjects:
        if chance.random() < 0.2:
            continue
        for _ in range(chance.poisson(each)):
            day = TODAY - timedelta(days=int(chance.integers(0, 40)))
            if chance.random() < 0.8:
                properties: dict[str, Any] = {"content": ["music", "podcast"][chance.integers(2)]}
                if chance.random() < 0.9:
                    properties["minutes"] = int(chance.integers(0, 90))
                found.append({"subject": subject.pk, "name": "listen", "day": day, "properties": properties})
            else:
                amount = int(chance.integers(1, 5000))
                shown = f"{amount // 100}.{amount % 100:02d}" if chance.random() < 0.5 else amount / 100
                properties = {"amount": shown, "gift": bool(chance.integers(2))}
                found.append({"subject": subject.pk, "name": "purchase", "day": day, "properties": properties})
    return found


def audience(slug: str, node: dict[str, Any]) -> Audience:
    return Audience.objects.create(slug=slug, name=slug, rule={"v": 1, "rule": node})


def listed(slug: str, members: list[Subject]) -> Audience:
    found = Audience.objects.create(slug=slug, name=slug, kind=Audience.Kind.LIST)
    ListMember.objects.bulk_create(ListMember(audience=found, subject=subject) for subject in members)
    return found
