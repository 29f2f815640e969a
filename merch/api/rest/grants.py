"""Which offer did a person allow this account, whatever suppressions and rules say?"""

from datetime import datetime
from typing import Annotated

from django.http import HttpResponse
from msgspec import Meta, Struct
from rest_framework.request import Request

from audiences.models import Subject
from audiences.people import Allowance, grant, withdraw
from campaigns.models import Market, Offer
from campaigns.money import exponent
from merch.api.rest.auth import SERVER_DOORS, caller_of
from merch.api.rest.body import read_body
from merch.api.rest.gated import GatedView
from merch.api.rest.limits import SUBJECT_BYTES
from merch.api.rest.problems import bad
from merch.api.rest.schema import READING, WRITING, documented
from merch.api.rest.subjects import ACCOUNT, Moment, SubjectWritten, account_of, utc
from merch.api.rest.suppressions import answer_written, check_key

AMOUNT = r"^\d{1,12}(\.\d{1,4})?$"


class GrantSent(Struct, frozen=True, forbid_unknown_fields=True):
    """``key`` names the grant: sent again it is changed. ``granted_by`` is the person who allowed it.

    With ``amount`` ("4.99", in ``currency``) the first price is no dearer.
    """

    key: Annotated[str, Meta(min_length=1, max_length=100)]
    offer: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    granted_by: Annotated[str, Meta(min_length=1, max_length=200)]
    starts_at: Moment | None = None
    expires_at: Moment | None = None
    amount: Annotated[str, Meta(pattern=AMOUNT)] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None


class GrantsView(GatedView):
    """The grants of one account."""

    scopes = SERVER_DOORS

    @documented(
        "Subjects",
        "Allow an account an offer, whatever suppressions, targeting and the offer's own rule say",
        body=GrantSent,
        answers={200: SubjectWritten, 202: SubjectWritten},
        refusals=(*WRITING, 503),
    )
    def post(self, request: Request, account_id: str) -> HttpResponse:
        account = account_of(account_id)
        sent = read_body(request, SUBJECT_BYTES, GrantSent)
        allowed = _allowance(sent, caller_of(request).name, self.now)
        return answer_written(grant(ACCOUNT, account, allowed, now=self.now), self.now)


class GrantView(GatedView):
    """One grant of one account, by its key."""

    scopes = SERVER_DOORS

    @documented(
        "Subjects",
        "Take a grant back; taking back one that is not there changes nothing",
        answers={204: None, 202: SubjectWritten},
        refusals=(*READING, 503),
    )
    def delete(self, request: Request, account_id: str, key: str) -> HttpResponse:
        account = account_of(account_id)
        check_key(key)
        if not Subject.objects.filter(kind=ACCOUNT, key=account).exists():
            return HttpResponse(status=204)  # asking about somebody must not make them known
        written = withdraw(ACCOUNT, account, key, source=caller_of(request).name, now=self.now)
        response = answer_written(written, self.now)
        return response if response.status_code == 202 else HttpResponse(status=204)


def _allowance(sent: GrantSent, source: str, now: datetime) -> Allowance:
    check_key(sent.key)
    starts_at = utc("starts_at", sent.starts_at) or now
    expires_at = utc("expires_at", sent.expires_at)
    if expires_at is not None and expires_at <= starts_at:
        raise bad("expires_at", "ends_before_it_starts", "A grant ends after it starts.")
    if not Offer.objects.filter(key=sent.offer, archived=False).exists():
        raise bad("offer", "unknown_offer", "There is no such offer; send an offer's key.")
    amount, currency = _amount(sent)
    return Allowance(
        key=sent.key, offer=sent.offer, reason=sent.reason, granted_by=sent.granted_by, starts_at=starts_at,
        expires_at=expires_at, amount=amount, currency=currency, source=source,
    )  # fmt: skip


def _amount(sent: GrantSent) -> tuple[int | None, str]:
    """In minor units, exactly; never through a float."""
    if sent.amount is None and sent.currency is None:
        return None, ""
    if sent.amount is None or sent.currency is None:
        missing = "amount" if sent.amount is None else "currency"
        raise bad(missing, "required", "amount and currency go together; send both or neither.")
    if not Market.objects.filter(currency=sent.currency).exists():
        raise bad("currency", "unknown_currency", "No market has this currency.")
    whole, _, fraction = sent.amount.partition(".")
    places = exponent(sent.currency)
    if len(fraction.rstrip("0")) > places:
        raise bad("amount", "too_precise", f"{sent.currency} has {places} decimal places.")
    return int(whole + fraction.rstrip("0").ljust(places, "0")), sent.currency
