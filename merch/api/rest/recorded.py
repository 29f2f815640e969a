"""What was decided, and why? (Recorded decisions, made again for the full funnel.)"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from merch import answering, explaining, reexecution
from merch.api.rest.gated import GatedView, answer
from merch.api.rest.problems import Refused, bad
from merch.api.rest.schema import READING, documented
from merch.api.rest.shown import DecisionShown
from merch.api.rest.shown_why import ExplanationShown

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
        answers={200: ExplanationShown},
        refusals=(*READING, 404, 410, 503),
        parameters=(
            OpenApiParameter(
                "campaign",
                str,
                OpenApiParameter.QUERY,
                description="A campaign that lost: each placement then says in `smallest_change` which few facts, had "
                "they been otherwise, would have made it win there, or what blocks it.",
            ),
        ),
    )
    def get(self, request: Request, decision_id: UUID) -> HttpResponse:
        found = recorded(decision_id)
        campaign = _campaign(request)
        try:
            return answer(explaining.explain(found, campaign=campaign))
        except reexecution.ReleaseGone as gone:
            raise Refused(
                410, "release_gone", f"Release {gone} is no longer kept, so this decision cannot be made again."
            ) from gone


def _campaign(request: Request) -> str | None:
    """The one that is asked about; None: nobody in particular. Raises Refused for any other parameter."""
    unknown = sorted({*request.query_params} - {"campaign"})
    if unknown:
        raise bad(unknown[0], "unknown_parameter", "The only parameter is campaign.")
    return request.query_params.get("campaign") or None
