"""What do a customer's systems tell us about an account, and what do we know of it?"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from django.http import HttpResponse
from msgspec import Meta, Struct
from rest_framework.request import Request

from audiences.catalogue import trait_types
from audiences.models import Subject
from audiences.moments import micros, moment
from audiences.people import TooMuchKnown, TraitChange, apply_changes, normalise_id
from audiences.records import Written
from audiences.rules import BadValue, TraitType, decode_trait, encode_trait
from audiences.rules.problems import nearest
from merch.api.rest.body import read_body
from merch.api.rest.gated import GatedView, answer
from merch.api.rest.limits import ITEMS, SUBJECT_BYTES, SUBJECTS_BYTES, Attributes, Id
from merch.api.rest.problems import FieldError, Refused, bad, bad_fields
from merch.api.rest.schema import READING, WRITING, documented
from merch.subjects.publish import publish

ACCOUNT = "a"
AHEAD = timedelta(minutes=5)  # a sender's clock may be ahead by this much

Purpose = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Consent = Annotated[dict[Purpose, bool], Meta(max_length=20)]
Moment = Annotated[datetime, Meta(tz=True)]


class SubjectChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is now so: traits by name (null removes one) and consent by purpose; seen at ``observed_at``, or now."""

    traits: Attributes = {}
    consent: Consent = {}
    observed_at: Moment | None = None


class SubjectOfBatch(SubjectChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, of one account among many."""

    account_id: Id


class SubjectsBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 changes, written all together or not at all."""

    subjects: Annotated[list[SubjectOfBatch], Meta(min_length=1, max_length=ITEMS)]


class SubjectWritten(Struct, frozen=True):
    """``pending``: written for good, but the next decision may not see it yet."""

    account_id: str
    version: int
    pending: bool


class SubjectsWritten(Struct, frozen=True):
    """The accounts written, in order of first appearance in the batch."""

    written: int
    pending: bool
    subjects: list[SubjectWritten]


class TraitSeen(Struct, frozen=True):
    """``stale``: older than its trait tolerates; rules then treat it as missing, unless the trait says otherwise."""

    value: Any
    observed_at: datetime
    stale: bool


class ConsentSeen(Struct, frozen=True):
    granted: bool
    observed_at: datetime


class HappeningSeen(Struct, frozen=True):
    count: int
    first_at: datetime
    last_at: datetime


class SuppressionSeen(Struct, frozen=True):
    key: str
    tiers: list[str]
    starts_at: datetime
    expires_at: datetime | None
    reason: str
    source: str


class GrantSeen(Struct, frozen=True):
    """``amount`` in minor units of ``currency``; None: the offer's own price."""

    key: str
    offer: str
    starts_at: datetime
    expires_at: datetime | None
    amount: int | None
    currency: str
    reason: str
    granted_by: str


class SubjectSeen(Struct, frozen=True):
    """Everything that decisions may read of an account, but for audience membership, which runs compute."""

    account_id: str
    version: int
    created_at: datetime
    updated_at: datetime
    traits: dict[str, TraitSeen]
    consent: dict[str, ConsentSeen]
    history: dict[str, HappeningSeen]
    suppressions: list[SuppressionSeen]
    grants: list[GrantSeen]


class SubjectView(GatedView):
    """One account."""

    @documented(
        "Subjects",
        "Write traits and consent of an account",
        body=SubjectChange,
        answers={200: SubjectWritten, 202: SubjectWritten},
        refusals=(*WRITING, 503),
    )
    def patch(self, request: Request, account_id: str) -> HttpResponse:
        key = account_of(account_id)
        sent = read_body(request, SUBJECT_BYTES, SubjectChange)
        written = write([("", key, sent)], self.now)
        return answer(written.subjects[0], 202 if written.pending else 200)

    @documented(
        "Subjects", "Read what is known of an account", answers={200: SubjectSeen}, refusals=(*READING, 404, 503)
    )
    def get(self, request: Request, account_id: str) -> HttpResponse:
        key = account_of(account_id)
        subject = Subject.objects.filter(kind=ACCOUNT, key=key).prefetch_related("suppressions", "grants").first()
        if subject is None:
            raise Refused(
                404, "not_found", "Nothing is known of this account. The first PATCH or event makes it known."
            )
        return answer(seen(subject, trait_types(), self.now))


class SubjectsBatchView(GatedView):
    """Many accounts in one call."""

    @documented(
        "Subjects",
        "Write up to 500 accounts, all or none",
        body=SubjectsBatch,
        answers={200: SubjectsWritten, 202: SubjectsWritten},
        refusals=(*WRITING, 503),
    )
    def post(self, request: Request) -> HttpResponse:
        sent = read_body(request, SUBJECTS_BYTES, SubjectsBatch)
        errors: list[FieldError] = []
        changes = []
        for index, change in enumerate(sent.subjects):
            try:
                changes.append((f"subjects[{index}].", normalise_id(change.account_id), change))
            except ValueError as error:
                errors.append(FieldError(f"subjects[{index}].account_id", "invalid_id", str(error)))
        written = write(changes, self.now, errors)
        return answer(written, 202 if written.pending else 200)


def account_of(text: str) -> str:
    """The normalised account id of a path. Raises Refused 400."""
    try:
        return normalise_id(text)
    except ValueError as error:
        raise bad("account_id", "invalid_id", str(error)) from error


def utc(field: str, sent: datetime | None) -> datetime | None:
    """The same moment in UTC; PostgreSQL refuses offsets of 16 hours and more. Raises Refused 400 off the calendar."""
    try:
        return None if sent is None else sent.astimezone(UTC)
    except OverflowError as error:
        raise bad(field, "invalid", "Use a moment of the years 1 to 9999, in UTC.") from error


def write(
    sent: Sequence[tuple[str, str, SubjectChange]], now: datetime, errors: Iterable[FieldError] = ()
) -> SubjectsWritten:
    """Check everything, then write everything and publish it. ``sent``: (path of the part, account, change).

    Raises Refused 400 with every error, and nothing written.
    """
    found = list(errors)
    types = trait_types()
    changes = [_change(path, key, change, types, now, found) for path, key, change in sent]
    if found:
        raise bad_fields(found)
    try:
        written = {each.key: each for each in apply_changes(changes, now=now)}
    except TooMuchKnown as too_much:
        paths = [sent[position][0] for position in too_much.positions]
        raise bad_fields(FieldError(f"{path}traits", "too_large", str(too_much)) for path in paths) from too_much
    pending = not publish(written.values(), now=now)
    keys = dict.fromkeys(key for _, key, _ in sent)
    return SubjectsWritten(len(keys), pending, [written_of(written[key], pending=pending) for key in keys])


def written_of(written: Written, *, pending: bool) -> SubjectWritten:
    return SubjectWritten(written.key, written.version, pending)


def _change(
    path: str, key: str, sent: SubjectChange, types: Mapping[str, TraitType], now: datetime, errors: list[FieldError]
) -> TraitChange:
    traits = {}
    for name, value in sent.traits.items():
        if name not in types:
            hint = f"There is no such trait. {nearest(name, types, 'trait')} New ones are declared in admin."
            errors.append(FieldError(f"{path}traits.{name}", "unknown_trait", hint))
            continue
        try:
            traits[name] = None if value is None else encode_trait(types[name], value)
        except BadValue as error:
            errors.append(FieldError(f"{path}traits.{name}", "invalid", str(error)))
    observed_at = sent.observed_at or now
    if observed_at > now + AHEAD:
        errors.append(FieldError(f"{path}observed_at", "in_the_future", "Nothing can have been observed yet."))
    return TraitChange(
        kind=ACCOUNT, key=key, observed_at=min(micros(observed_at), micros(now)), traits=traits, consent=sent.consent
    )


def seen(subject: Subject, types: Mapping[str, TraitType], now: datetime) -> SubjectSeen:
    """A subject's row as its owner may read it. Traits that are no longer declared are left out: nothing reads them."""
    return SubjectSeen(
        account_id=subject.key,
        version=subject.version,
        created_at=subject.created_at,
        updated_at=subject.updated_at,
        traits={
            name: TraitSeen(decode_trait(types[name], value), moment(at), stale(types[name], at, micros(now)))
            for name, (value, at) in sorted(subject.traits.items())
            if name in types and value is not None
        },
        consent={
            purpose: ConsentSeen(granted, moment(at)) for purpose, (granted, at) in sorted(subject.consent.items())
        },
        history={
            name: HappeningSeen(cell[0], moment(cell[1]), moment(cell[2]))
            for name, cell in sorted(subject.history.items())
        },
        suppressions=[
            SuppressionSeen(each.key, each.tiers, each.starts_at, each.expires_at, each.reason, each.source)
            for each in sorted(subject.suppressions.all(), key=lambda each: each.key)
        ],
        grants=[
            GrantSeen(
                each.key,
                each.offer,
                each.starts_at,
                each.expires_at,
                each.amount,
                each.currency,
                each.reason,
                each.granted_by,
            )
            for each in sorted(subject.grants.all(), key=lambda each: each.key)
        ],
    )


def stale(of: TraitType, observed_at: int, now: int) -> bool:
    """Is a value older than its trait tolerates? Instants in UTC microseconds."""
    return of.tolerance is not None and now - observed_at > of.tolerance
