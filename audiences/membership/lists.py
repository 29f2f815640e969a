"""Who is named by an uploaded list?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import User
from django.db import connection, transaction
from msgspec import Struct

from audiences.models import Audience, Revision, SubjectKind
from audiences.people import normalise_id
from audiences.records import Ref, ids_of
from audiences.rules import Problem

CHUNK = 10_000
MOST_PROBLEMS = 100

GONE = """
DELETE FROM audiences_listmember member WHERE member.audience_id = %s
AND NOT EXISTS (SELECT FROM named_subjects named WHERE named.subject_id = member.subject_id)
"""
NEW = """
INSERT INTO audiences_listmember (audience_id, subject_id)
SELECT DISTINCT %s::bigint, subject_id FROM named_subjects ON CONFLICT DO NOTHING
"""


class Replaced(Struct, frozen=True):
    """How many subjects the list gained and lost, and how many it holds now."""

    added: int
    removed: int
    size: int


class BadList(Exception):
    """The list cannot be taken as it is; nothing was written. ``problems``: at most 100, by line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(f"{problem.where}: {problem.sentence}" for problem in problems[:3]))
        self.problems = problems


def replace_list(
    audience: Audience,
    keys: Iterable[str],
    now: datetime,
    *,
    kind: str = SubjectKind.ACCOUNT,
    by: User | None = None,
) -> Replaced:
    """Make these bare ids, and only these, the members; the next run turns them into bits. Raises BadList.

    All or nothing, because a list that quietly lost its bad lines would quietly lose subjects. Unknown ids become
    subjects. An empty line is skipped.
    """
    if audience.kind != Audience.Kind.LIST:
        raise BadList([Problem("list.kind", audience.slug, "Its members follow from a rule.", "Upload to a list.")])
    names = _normal(keys)
    with transaction.atomic():
        Audience.objects.select_for_update().get(pk=audience.pk)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("DROP TABLE IF EXISTS pg_temp.named_subjects")
            cursor.execute("CREATE TEMP TABLE named_subjects (subject_id bigint) ON COMMIT DROP")
        rest = iter(names)
        while chunk := list(islice(rest, CHUNK)):
            _name(ids_of((Ref(kind, key) for key in chunk), now=now).values())
        with connection.cursor() as cursor:
            cursor.execute(GONE, [audience.pk])
            removed = cursor.rowcount
            cursor.execute(NEW, [audience.pk])
            added = cursor.rowcount
        found = Replaced(added, removed, len(names))
        if added or removed:
            _record(audience, found, by, now)
    return found


def _normal(keys: Iterable[str]) -> list[str]:
    names: dict[str, None] = {}
    problems: list[Problem] = []
    for line, key in enumerate(keys, 1):
        if not key.strip():
            continue
        try:
            names[normalise_id(key.strip())] = None
        except ValueError as bad:
            problems.append(Problem("list.id", f"line {line}", str(bad), "Mend the line and upload again."))
            if len(problems) == MOST_PROBLEMS:
                break
    if problems:
        raise BadList(problems)
    # One order for all uploads, so that two of them never wait for each other's new subjects in a circle.
    return sorted(names)


def _name(subject_ids: Iterable[int]) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY named_subjects FROM STDIN") as stream:
        for subject_id in subject_ids:
            stream.write_row((subject_id,))


def _record(audience: Audience, found: Replaced, by: User | None, now: datetime) -> None:
    Revision.objects.record(
        actor=by,
        verb="list replaced",
        object_type="audience",
        object_key=audience.slug,
        before={"size": found.size - found.added + found.removed},
        after={"size": found.size, "added": found.added, "removed": found.removed},
        now=now,
    )
