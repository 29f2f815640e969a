"""What has happened, say apps and systems?"""

from typing import Annotated, Any

from drf_spectacular.utils import extend_schema_view
from msgspec import Meta, Struct
from msgspec.json import encode

from merch.api.rest.body import decode
from merch.api.rest.gate import sql
from merch.api.rest.hot import Call, HotView
from merch.api.rest.limits import EVENTS_BYTES, ITEMS
from merch.api.rest.problems import bad
from merch.api.rest.schema import WRITING, documented
from merch.api.rest.subjects import Moment
from merch.intake import BatchRefused, Receipt, receive

EXAMPLE = {
    "sent_at": "2026-11-22T12:00:05Z",
    "events": [
        {"type": "click", "token": "...", "occurred_at": "2026-11-22T12:00:00Z"},
        {
            "type": "conversion",
            "name": "subscribe",
            "account_id": "acc_123",
            "event_id": "order-991",
            "occurred_at": "2026-11-22T12:00:01Z",
            "properties": {"plan": "premium-monthly"},
        },
    ],
}


class EventsBatch(Struct, frozen=True):
    """Up to 500 events. One that cannot be used is rejected by its index; the others count.

    ``sent_at``: the sender's clock as it sends, by which the events' own times are corrected.
    """

    events: Annotated[
        list[Any], Meta(min_length=1, max_length=ITEMS, extra_json_schema={"examples": [EXAMPLE["events"]]})
    ]
    sent_at: Moment | None = None


@extend_schema_view(
    post=documented(
        "Events",
        "Send what happened",
        body=EventsBatch,
        answers={200: Receipt, 202: Receipt},
        refusals=(*WRITING, 503),
        description="A batch may be sent again, whole or in part: what came before counts once. 200 and 202 mean that "
        "it is stored; 202 that decisions may not see it for some seconds (`pending`).",
    )
)
class EventsView(HotView):
    """POST /v1/events."""

    limit = EVENTS_BYTES

    def answer(self, body: bytes, call: Call) -> tuple[int, bytes]:
        sent = decode(body, EventsBatch)
        try:
            with sql.hold():
                receipt = receive(
                    sent.events,
                    key_scope=call.caller.scope.value,
                    source=call.caller.name,
                    sent_at=sent.sent_at,
                    now=call.now,
                )
        except BatchRefused as refused:
            raise bad(refused.field, refused.code, str(refused)) from refused
        return (202 if receipt.pending else 200), encode(receipt)
