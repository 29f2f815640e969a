"""What would publishing a version mean for those who are inside? (Said before anybody does it.)"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from audiences.admin.showing import panel
from campaigns.admin.lower import again
from campaigns.models import JourneyVersion
from merch.journeymoves import moves

ASKED = frozenset({"submit", "approve"})


class SaysMoves(admin.ModelAdmin[Any]):
    """The page of a version, with how many stay, move and leave."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = list(super().get_fieldsets(request, obj))
        if _concerns(obj):
            name, options = sets[-1]
            sets[-1] = (name, {**options, "fields": (*options["fields"], "moved")})
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "moved"]

    @panel("Those inside now")
    def moved(self, obj: Any) -> str:
        return moves(obj, timezone.now()).sentence

    def _page(self, request: HttpRequest, row: models.Model | None, verb: Any, *rest: Any) -> HttpResponse:
        shown: HttpResponse = super()._page(request, row, verb, *rest)  # type: ignore[misc]
        if verb.name in ASKED and isinstance(row, JourneyVersion) and _concerns(row):
            said = moves(row, timezone.now()).sentence
            if isinstance(shown, TemplateResponse) and shown.context_data is not None:
                shown.context_data["effect"] = f"{shown.context_data['effect']} {said}"
        return shown


def _concerns(row: Any) -> bool:
    return row is not None and row.number > 1 and row.state != JourneyVersion.State.PUBLISHED


again(JourneyVersion, SaysMoves)
