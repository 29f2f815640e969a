"""What does a save mean on the pages of what we want to show? (History by whole, approvals void.)"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db import models
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from audiences.admin.base import MerchAdmin
from audiences.admin.permissions import signed_in
from audiences.admin.revising import Identity, Portrait, kind_of_change
from audiences.admin.verbs import NotDone
from campaigns import records
from campaigns.editing import record, refuse_ended, void_outdated
from campaigns.problems import Refused
from experiments.problems import Refused as ExperimentRefused


class VoidsApprovals(MerchAdmin):
    """Every save asks whether something that was approved, or waits for approval, is no longer what was signed."""

    refusals: ClassVar[tuple[type[Exception], ...]] = (Refused, ExperimentRefused, NotDone)

    def identity(self, row: models.Model) -> Identity:
        return records.identity(row)

    def changed(self, request: HttpRequest, row: models.Model, before: Portrait | None, after: Portrait | None) -> None:
        now = timezone.now()
        by = signed_in(request)
        refuse_ended([row])
        hit = void_outdated(by=by, now=now)
        record(row, kind_of_change(before, after), by=by, now=now, before=before, after=after)
        for campaign in hit:
            said = f"The approval of “{campaign}” is void, because this changes what it shows. Submit it again."
            messages.warning(request, said)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError as needed:
            names = ", ".join(sorted({f"{one._meta.verbose_name} “{one}”" for one in needed.protected_objects})[:5])
            messages.error(request, f"It was not deleted: {names} still needs it.")
        except Refused as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(request.get_full_path())
