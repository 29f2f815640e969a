"""What was decided, and why? (Recorded decisions, made again for the full funnel.)"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from merch import answering, reexecution
from merch.api.rest.gated import GatedView, answer
from merch.api.rest.problems import Refused
from merch.api.rest.schema import READING, documented
from merch.api.rest.shown import DecisionShown

NOT_YET = "There is no such decision. A fresh one is readable within a second; records are kept for 7 days."


def recorded(decision_id: UUID) -> reexecution.Recorded:
    """The record. Raises Refused 404 with Retry-After: it may only not have been written yet."""
    found = reexecution.find(decision_id)
    if found is None:
        raise Refused(404, "not_found", NOT_YET, headers={"Retry-After": "1"})
    return found


class RecordedDecisionView(GatedView):
    """One recorded decision."""

    @documented("Decisions", "Read a recorded decision", answers={200: DecisionShown}, refusals=(*READING, 404, 503))
    def get(self, request: Request, decision_id: UUID) -> HttpResponse:
        found = recorded(decision_id)
        return answer(answering.body_of(found.decision, found.inputs.request))


class ExplainView(GatedView):
    """Why a recorded decision came out as it did."""

    @documented(
        "Decisions",
        "Explain a recorded decision: every candidate, in order, with its one reason",
        answers={200: dict[str, Any]},
        refusals=(*READING, 404, 503),
    )
    def get(self, request: Request, decision_id: UUID) -> HttpResponse:
        found = recorded(decision_id)
        try:
            return answer(reexecution.explain(found))
        except reexecution.ReleaseGone as gone:
            raise Refused(
                410, "release_gone", f"Release {gone} is no longer kept, so this decision cannot be made again."
            ) from gone
