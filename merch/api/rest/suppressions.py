"""Why should an account not be spoken to for now, says one of the customer's systems?"""

import re
from datetime import datetime
from typing import Annotated

from django.http import HttpResponse
from msgspec import Meta, Struct
from rest_framework.request import Request

from audiences.models import Subject
from audiences.people import suppress, unsuppress
from audiences.records import Written
from audiences.tiers import Tier
from merch.api.rest.auth import SERVER_DOORS, caller_of
from merch.api.rest.body import read_body
from merch.api.rest.gated import GatedView, answer
from merch.api.rest.limits import SUBJECT_BYTES
from merch.api.rest.problems import bad
from merch.api.rest.schema import READING, WRITING, documented
from merch.api.rest.subjects import ACCOUNT, Moment, SubjectWritten, account_of, utc, written_of
from merch.subjects.publish import publish

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


class SuppressionSent(Struct, frozen=True, forbid_unknown_fields=True):
    """Tiers in which to stay silent, from ``starts_at`` (or now) until ``expires_at`` (exclusive; or until removed)."""

    tiers: Annotated[list[Tier], Meta(min_length=1, max_length=len(Tier))]
    reason: Annotated[str, Meta(max_length=200)] = ""
    starts_at: Moment | None = None
    expires_at: Moment | None = None


class SuppressionView(GatedView):
    """One suppression of one account, by its key."""

    scopes = SERVER_DOORS

    @documented(
        "Subjects",
        "Put a suppression in force, or change it",
        body=SuppressionSent,
        answers={200: SubjectWritten, 202: SubjectWritten},
        refusals=(*WRITING, 503),
    )
    def put(self, request: Request, account_id: str, key: str) -> HttpResponse:
        account = account_of(account_id)
        check_key(key)
        sent = read_body(request, SUBJECT_BYTES, SuppressionSent)
        starts_at = utc("starts_at", sent.starts_at) or self.now
        expires_at = utc("expires_at", sent.expires_at)
        if expires_at is not None and expires_at <= starts_at:
            raise bad("expires_at", "ends_before_it_starts", "A suppression ends after it starts.")
        written = suppress(
            ACCOUNT,
            account,
            key,
            tiers=[tier.value for tier in Tier if tier in sent.tiers],
            starts_at=starts_at,
            expires_at=expires_at,
            reason=sent.reason,
            source=caller_of(request).name,
            now=self.now,
        )
        return answer_written(written, self.now)

    @documented(
        "Subjects",
        "Remove a suppression; removing one that is not there changes nothing",
        answers={204: None, 202: SubjectWritten},
        refusals=(*READING, 503),
    )
    def delete(self, request: Request, account_id: str, key: str) -> HttpResponse:
        account = account_of(account_id)
        check_key(key)
        if not Subject.objects.filter(kind=ACCOUNT, key=account).exists():
            return HttpResponse(status=204)  # asking about somebody must not make them known
        response = answer_written(unsuppress(ACCOUNT, account, key, now=self.now), self.now)
        return response if response.status_code == 202 else HttpResponse(status=204)


def check_key(key: str) -> None:
    """Of a suppression or a grant. Raises Refused 400."""
    if not KEY.fullmatch(key):
        raise bad("key", "invalid", "Use lower-case letters, digits, - and _, 1 to 100 of them.")


def answer_written(written: Written, now: datetime) -> HttpResponse:
    """200, or 202 where the serving store has yet to learn of it."""
    pending = not publish([written], now=now)
    return answer(written_of(written, pending=pending), 202 if pending else 200)
