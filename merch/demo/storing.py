"""How do the demo's listeners and what they did get into PostgreSQL in seconds?

Subjects go through the verbs that lock and version records, a thousand at a time; events go by COPY, in the form in
which ingestion would have stored them. The rebuild at the end of the demo brings the records to the serving store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction

from audiences.history import fold_into
from audiences.ingest import TOKEN_SOURCE, NewEvent
from audiences.models import DirtySubject
from audiences.moments import DAY, micros, moment
from audiences.records import Record, Ref, ids_of, locked, write
from merch.demo.behaviour import DAYS, Deed, deeds
from merch.demo.listeners import Listener, Subscription, start_of
from merch.intake import cells
from merch.intake.book import Book

CHUNK = 1_000
APP, BACKEND = "tonika-app", "tonika-backend"
COLUMNS = "source, event_id, day, kind, name, subject_id, occurred_at, claimed_at, received_at, properties, digest"
TABLES = {False: "audiences_event", True: "audiences_moneyevent"}

Item = TypeVar("Item")
Progress = Callable[[int], None]  # how many are done


def store_listeners(people: Sequence[Listener], seed: str, *, now: datetime, progress: Progress) -> None:
    """Subjects with traits, consent and history, and their events of four weeks. All or nothing."""
    book = Book()
    with transaction.atomic():
        ensure_days(now)
        for done, chunk in enumerate(chunks(people), 1):
            _store(chunk, seed, book, now)
            progress(min(done * CHUNK, len(people)))


def ensure_days(now: datetime) -> None:
    """The tables of all days that the demo writes."""
    today = micros(now) // DAY
    days = [start_of(day).date() for day in range(today - DAYS - 1, today + 2)]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT merch_ensure_day('audiences_event', day) FROM unnest(%s::date[]) AS days(day)", [days])


def _store(chunk: Sequence[Listener], seed: str, book: Book, now: datetime) -> None:
    ids = ids_of((Ref("a", person.key) for person in chunk), now=now)
    records = locked(ids.values())
    plain: list[NewEvent] = []
    money: list[NewEvent] = []
    for person in chunk:
        record = records[ids[Ref("a", person.key)]]
        record.traits.update(person.traits)
        record.consent.update(person.consent)
        for deed in deeds(person, seed, micros(now)):
            plain.append(_custom(deed, person.key, record.id))
            if book.events[deed.name].in_history:
                fold_into(record.history, cells.of_custom(deed.name), deed.at)
        for number, each in enumerate(person.subscriptions):
            money.append(subscribe(record, person.key, number, each, book))
    write_records(list(records.values()), now=now)
    copy_events(plain, now=now)
    copy_events(money, now=now, money=True)


def subscribe(record: Record, key: str, number: int, said: Subscription, book: Book) -> NewEvent:
    """The conversion, folded into the record."""
    properties = {"plan": said.plan, "offer": said.offer, "months": said.months}
    fold_into(record.history, cells.of_conversion(properties, book), said.at)
    return NewEvent(
        source=BACKEND, event_id=f"{key}-subscribe-{number}", kind="conversion", name="subscribe",
        subject_id=record.id, occurred_at=said.at, claimed_at=said.at, day=moment(said.at).date(),
        properties=properties, money=True,
    )  # fmt: skip


def _custom(deed: Deed, key: str, subject_id: int) -> NewEvent:
    return NewEvent(
        source=APP if deed.app else BACKEND, event_id=f"{key}-{deed.id}", kind="custom", name=deed.name,
        subject_id=subject_id, occurred_at=deed.at, claimed_at=deed.at, day=moment(deed.at).date(),
        properties=deed.properties,
    )  # fmt: skip


def write_records(records: Sequence[Record], *, now: datetime) -> None:
    """Under their next versions. Nothing is owed to the serving store one by one: the demo ends with a rebuild."""
    written = write(records, now=now)
    DirtySubject.objects.filter(subject_id__in=[each.subject_id for each in written]).delete()


def copy_events(events: Iterable[NewEvent], *, now: datetime, money: bool = False) -> None:
    """In the caller's transaction, which has ensured their days."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {TABLES[money]} ({COLUMNS}) FROM STDIN") as stream,
    ):
        for event in events:
            stream.write_row(_row(event, now))


def _row(event: NewEvent, now: datetime) -> tuple[Any, ...]:
    at = moment(event.occurred_at)
    received = now if event.source == TOKEN_SOURCE else at
    return (
        event.source, event.event_id, event.day, event.kind, event.name, event.subject_id, at, moment(event.claimed_at),
        received, json.dumps(event.properties), bytes.fromhex(event.digest()),
    )  # fmt: skip


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """The items in lists of ``size``."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
