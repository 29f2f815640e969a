"""What does PostgreSQL say of these subjects, in the form that the serving store takes?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from merch.engine.facts import GrantFact, SubjectRecord
from merch.subjects.packing import bits_key, pack_bits, pack_record, present, record_key, suppression_facts

# One statement is one snapshot: record, suppressions, bits and epoch belong together.
COLUMNS = """
SELECT s.id, s.kind, s.key, s.version, s.traits::text, s.consent::text, s.history::text, s.marks::text,
    s.pins::text, s.journeys::text,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(
        p.key, p.tiers, (extract(epoch FROM p.starts_at) * 1000000)::bigint,
        (extract(epoch FROM p.expires_at) * 1000000)::bigint) ORDER BY p.key), '[]')::text
     FROM audiences_suppression p WHERE p.subject_id = s.id AND (p.expires_at IS NULL OR p.expires_at > %s)),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(
        g.key, g.offer, (extract(epoch FROM g.starts_at) * 1000000)::bigint,
        (extract(epoch FROM g.expires_at) * 1000000)::bigint, g.amount, g.currency) ORDER BY g.key), '[]')::text
     FROM audiences_grant g WHERE g.subject_id = s.id AND (g.expires_at IS NULL OR g.expires_at > %s)),
    b.layout, b.run_id, b.bits, coalesce((SELECT number FROM audiences_servingepoch), 0)
FROM audiences_subject s LEFT JOIN audiences_behaviourbits b ON b.subject_id = s.id
"""
BY_ID = COLUMNS + "WHERE s.id = ANY(%s)"
# The platform's one hash, as PostgreSQL computes it (audiences.hashing): 60 bits of md5, modulo 10,000.
BUCKET = "('x' || lpad(substr(md5('sampled-subjects:' || s.key), 1, 15), 16, '0'))::bit(64)::bigint %% 10000"
SAMPLE = COLUMNS + f"WHERE s.id > %s AND {BUCKET} < %s ORDER BY s.id LIMIT %s"
PAGE = COLUMNS + "WHERE s.id > %s ORDER BY s.id LIMIT %s"


class Packed(NamedTuple):
    """One subject, ready to be set: keys beside values. ``run`` is that of its bits, None without any."""

    subject_id: int
    version: int
    run: int | None
    values: list[tuple[bytes, bytes]]


def packed_by_id(ids: Sequence[int], *, now: datetime) -> list[Packed]:
    """The subjects as they are now, whatever version asked for them."""
    with connection.cursor() as cursor:
        cursor.execute(BY_ID, [now, now, list(ids)])
        return [_packed(row) for row in cursor.fetchall()]


def packed_page(after: int, size: int, *, now: datetime) -> list[Packed]:
    """The next ``size`` subjects by id."""
    with connection.cursor() as cursor:
        cursor.execute(PAGE, [now, now, after, size])
        return [_packed(row) for row in cursor.fetchall()]


def packed_sample(after: int, size: int, below: int, *, now: datetime) -> list[Packed]:
    """The next ``size`` subjects by id whose bucket is below ``below``."""
    with connection.cursor() as cursor:
        cursor.execute(SAMPLE, [now, now, after, below, size])
        return [_packed(row) for row in cursor.fetchall()]


def _packed(row: tuple[Any, ...]) -> Packed:
    id_, kind, key, version, traits, consent, history, marks, pins, journeys, *others = row
    suppressions, grants, layout, run, bits, epoch = others
    record = SubjectRecord(
        version=version,
        traits=present(_decode(traits)),
        consent=present(_decode(consent)),
        suppressions=suppression_facts(_decode(suppressions)),
        grants=tuple(GrantFact(*row) for row in _decode(grants)),
        history=_decode(history),
        marks=_decode(marks),
        pins=_decode(pins),
        journeys=_decode(journeys),
    )
    values = [(record_key(kind, key), pack_record(record, epoch))]
    if layout is not None:
        values.append((bits_key(kind, key, layout), pack_bits(bytes(bits), epoch, run)))
    return Packed(id_, record.version, run, values)


_decode = msgspec.json.decode
