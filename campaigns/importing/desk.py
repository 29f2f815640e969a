"""How does one entry become rows, with their history, and how is what is wrong with it collected?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.contrib.postgres.constraints import ExclusionConstraint
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, models, transaction
from django.utils.functional import cached_property

from audiences.rules import Vocabulary
from audiences.rules.problems import Findings, nearest
from campaigns import operations, records, rulechecks
from campaigns.importing.lines import Difference, Line, Verdict, differences, plain
from campaigns.importing.shaping import Placed
from campaigns.problems import Problem, Refused

Row = TypeVar("Row", bound=models.Model)


class Skipped(Exception):
    """The entry cannot be written; why is among the findings, of itself or of what it names."""


class Desk:
    """One import: who does it, what became of each entry, and everything that is wrong."""

    def __init__(
        self, *, by: User | None, now: datetime, why: str, findings: Findings, named: Iterable[tuple[str, str]]
    ) -> None:
        self.by = by
        self.now = now
        self.why = why
        self.findings = findings
        self.lines: list[Line] = []
        self._named = frozenset(named)
        self._later: list[tuple[Placed, Callable[[], None]]] = []

    @cached_property
    def words(self) -> Vocabulary:
        """The names that rules may use, once every row of the file is written."""
        return rulechecks.words()

    def one(self, model: type[Row], section: str, field: str, key: str, where: str) -> Row:
        """The row that an entry names. Raises Skipped; an entry of this file that failed is not reported again."""
        row = model._default_manager.filter(**{field: key}).first()
        if row is not None:
            return row
        if (section, key) not in self._named:
            known = [str(each) for each in model._default_manager.values_list(field, flat=True)[:1_000]]
            what = str(model._meta.verbose_name)
            self.wrong("entry.unknown", where, f'There is no {what} "{key}".', nearest(key, known, what))
        raise Skipped

    def wrong(self, id_: str, where: str, sentence: str, hint: str) -> None:
        self.findings.add(id_, where, sentence, hint)

    def all_wrong(self, where: str, problems: Iterable[Problem]) -> bool:
        """Report them; True where there were any."""
        found = list(problems)
        for problem in found:
            self.wrong(problem.id, where, problem.sentence, problem.hint)
        return bool(found)

    def save(self, row: models.Model, wanted: Mapping[str, Any], at: Placed) -> tuple[Difference, ...]:
        """Write what differs, with its history; what is invalid is reported and raises Skipped."""
        values = {name: value for name, value in wanted.items() if not _is_many(row, name)}
        many = {name: value for name, value in wanted.items() if _is_many(row, name)}
        new = row.pk is None
        changed = (*differences(row, values), *_many_differences(row, many))
        if not changed and not new:
            return ()
        before = None if new else records.values(row)
        for name, value in values.items():
            setattr(row, name, value)
        self._clean(row, at)
        row.save()
        for name, value in many.items():
            getattr(row, name).set(value)
        operations.edited(row, before, by=self.by, now=self.now, why=self.why)
        return changed

    def _clean(self, row: models.Model, at: Placed) -> None:
        try:
            row.clean_fields()
            for constraint in row._meta.constraints:
                # Django judges exclusion over ids wrongly; prices look for overlap themselves, and the database after.
                if not isinstance(constraint, ExclusionConstraint):
                    constraint.validate(type(row), row)
        except ValidationError as invalid:
            for field, messages in _by_field(invalid).items():
                where = f"{at.where}.{field}" if field else at.where
                for message in messages:
                    self.wrong("entry.value", where, message, "Mend it.")
            raise Skipped from invalid

    def line(self, at: Placed, new: bool, changed: Iterable[Difference]) -> None:
        """What became of the entry."""
        found = tuple(changed)
        verdict = Verdict.CREATED if new else Verdict.CHANGED if found else Verdict.UNCHANGED
        self.lines.append(Line(at.section, at.key, verdict, found))

    def removed(self, section: str, key: str) -> None:
        self.lines.append(Line(section, key, Verdict.REMOVED))

    def later(self, at: Placed, todo: Callable[[], None]) -> None:
        """Do it once all entries are there: rules may name anything in the file."""
        self._later.append((at, todo))

    def finish(self) -> None:
        for at, todo in self._later:
            with self.entry(at):
                todo()

    @contextmanager
    def entry(self, at: Placed) -> Iterator[None]:
        """One entry by itself: what the database or a verb refuses is reported, and the others go on."""
        try:
            with transaction.atomic():
                yield
        except Skipped:
            pass
        except Refused as refused:
            self.all_wrong(at.where, refused.problems)
        except (IntegrityError, DataError) as error:
            sentence = str(error).splitlines()[0]
            self.wrong("entry.database", at.where, f"The database refuses it: {sentence}.", "Mend the entry.")


def _is_many(row: models.Model, name: str) -> bool:
    return any(field.name == name for field in row._meta.many_to_many)


def _many_differences(row: models.Model, many: Mapping[str, Iterable[models.Model]]) -> Iterator[Difference]:
    for name, wanted in many.items():
        before = [] if row.pk is None else sorted(plain(each) for each in getattr(row, name).all())
        after = sorted(plain(each) for each in wanted)
        if before != after:
            yield Difference(name, before, after)


def _by_field(invalid: ValidationError) -> dict[str, list[str]]:
    found = invalid.message_dict if hasattr(invalid, "error_dict") else {"": invalid.messages}
    return {"" if field == "__all__" else field: messages for field, messages in found.items()}
