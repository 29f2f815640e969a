"""A scenario on stage: who is known, what happened, and what they were shown and why not.

Everything goes through the product's own verbs, with the moment as an argument: PostgreSQL, intake, the serving store
and the decision are real.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from audiences.catalogue import trait_types
from audiences.moments import micros
from audiences.people import Allowance, TraitChange, apply_changes, grant, suppress
from audiences.rules import Type, ValueType, encode_trait
from merch import answering, intake
from merch.demo import staging
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse, canonical, parse_release
from merch.engine.facts import Answer, Asked, Decision, Request, Slot
from merch.intake import Receipt
from merch.releases import build
from merch.releases.serving import Serving
from merch.subjects.publish import publish
from merch.subjects.store import store

_numbers = count(1)
VERSION = ValueType(Type.VERSION)
CONTEXT = {"country": "SE", "locale": "sv-SE", "platform": "ios", "app_version": encode_trait(VERSION, "8.9.40")}


class Shown:
    """The answer to one call, explained: what is shown, and the one reason of everybody else."""

    def __init__(self, request: Request, decision: Decision, body: Mapping[str, Any], at: datetime) -> None:
        self.request = request
        self.decision = decision
        self.body = body
        self.at = at

    def answer(self, placement: str = "") -> Answer:
        """Of one placement; of the only one, where none is named."""
        if placement:
            return next(each for each in self.decision.answers if each.placement == placement)
        (only,) = self.decision.answers
        return only

    def campaigns(self, placement: str = "") -> list[str]:
        """What stands in the slots, in order."""
        return [slot.campaign for slot in self.answer(placement).slots]

    def reason(self, campaign: str, placement: str = "") -> str:
        """SELECTED or FALLBACK where the campaign is shown, else the code that it lost by."""
        answer = self.answer(placement)
        if campaign in self.campaigns(placement):
            return answer.reason
        return next(loss.reason for loss in answer.losses if loss.campaign == campaign)

    def detail(self, campaign: str, placement: str = "") -> str:
        """What explain says beside the code."""
        return next(loss.detail for loss in self.answer(placement).losses if loss.campaign == campaign)

    def slot(self, campaign: str, placement: str = "") -> Slot:
        return next(slot for slot in self.answer(placement).slots if slot.campaign == campaign)

    def token(self, campaign: str, placement: str = "") -> str:
        """As the client gets it."""
        slots = self.body["placements"][placement or self.answer().placement]["slots"]
        return str(next(slot["token"] for slot in slots if slot["campaign"] == campaign))


class Stage:
    """One scenario, published; people come and go, each test with its own."""

    def __init__(self, name: str, now: datetime) -> None:
        self.name = name
        self.now = now
        self.document = staging.read(name)
        staging.stage(name, now=now)
        state = Serving(follow=False).refresh()
        self.release: Release = state.release
        self.pulse: Pulse = state.pulse

    def republish(self, now: datetime) -> None:
        """Take up again what is published."""
        state = Serving(follow=False).refresh()
        self.release, self.pulse = state.release, state.pulse

    def rebuild(self, now: datetime) -> None:
        """Take up what would be published now, as the test's own transaction sees the rows."""
        built = build._assemble(build._read(), now, ())
        assert not built.left_out
        self.release = compile_release(parse_release(canonical(built.document)))

    def somebody(self, at: datetime | None = None, *, consent: bool | None = True, **traits: Any) -> str:
        """A new account with these traits, billed in Sweden and grown up unless it says otherwise; None: not known."""
        account = f"{self.name.lower()}-{next(_numbers)}"
        facts = {"market": "SE", "birth_date": "1990-05-04", "time_zone": "Europe/Stockholm"} | traits
        self.know(account, at or self.now, consent=consent, **facts)
        return account

    def know(self, account: str, at: datetime, *, consent: bool | None = None, **traits: Any) -> None:
        """What one of the customer's systems says at this moment."""
        types = trait_types()
        stored = {name: encode_trait(types[name], value) for name, value in traits.items() if value is not None}
        agreed = {} if consent is None else {"personalisation": consent}
        change = TraitChange(kind="a", key=account, observed_at=micros(at), traits=stored, consent=agreed)
        assert publish(apply_changes([change], now=at), now=at)

    def happened(self, account: str, name: str, at: datetime, *, kind: str = "custom", **properties: Any) -> Receipt:
        """An event, as a backend sends it."""
        event = {
            "type": kind, "name": name, "account_id": account, "event_id": f"e{next(_numbers)}",
            "occurred_at": at.isoformat(), "properties": properties,
        }  # fmt: skip
        return self.send(event, at=at)

    def began(self, account: str, offer: str, at: datetime, **properties: Any) -> Receipt:
        """A conversion of an offer."""
        return self.happened(account, "subscribe", at, kind="conversion", offer=offer, **properties)

    def saw(
        self, shown: Shown, campaign: str, placement: str = "", *, kind: str = "impression", at: datetime
    ) -> Receipt:
        """An impression, click or dismissal of what was shown."""
        return self.send(
            {"type": kind, "token": shown.token(campaign, placement), "occurred_at": at.isoformat()}, at=at
        )

    def send(self, *events: dict[str, Any], at: datetime) -> Receipt:
        """A batch, received at this very moment."""
        receipt = intake.receive(events, key_scope="server", source="app", sent_at=at, now=at, backfill=True)
        assert not receipt.rejected, receipt.rejected
        assert not receipt.pending
        return receipt

    def silence(self, account: str, key: str, at: datetime, *, tiers: list[str], until: datetime | None = None) -> None:
        """A suppression, from this moment on."""
        written = suppress(
            "a", account, key, tiers=tiers, starts_at=at, expires_at=until, reason="", source="support", now=at
        )
        assert publish([written], now=at)

    def allow(self, account: str, offer: str, at: datetime, **said: Any) -> None:
        """A grant by a person."""
        allowed = Allowance(key="goodwill", offer=offer, reason="kind", granted_by="agent", starts_at=at, **said)
        assert publish([grant("a", account, allowed, now=at)], now=at)

    def ask(
        self, account: str, *placements: str, at: datetime, pulse: Pulse | None = None, unreadable: bool = False,
        **context: Any,
    ) -> Shown:  # fmt: skip
        """The decision for these placements, explained; the scenario's own placement where none is named."""
        asked = tuple(Asked(each) for each in placements or (self.document["try_in"],))
        number = next(_numbers)
        request = Request(
            decision_id=str(UUID(int=number)), kind="a", key=account, placements=asked, context=CONTEXT | context
        )
        subject = None if unreadable else store.read("a", account, self.release.doc.layout)
        assert unreadable or subject is not None
        decision = decide(self.release, pulse or self.pulse, request, subject, micros(at), explain=True)
        assert not decision.errors
        return Shown(request, decision, answering.body_of(decision, request), at)
