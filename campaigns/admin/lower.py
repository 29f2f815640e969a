"""How do edits of audiences and experiments reach the approvals of campaigns that lean on them?

The apps below know no campaign. Their pages are registered again here with one thing added: each save asks whether
an approved content has changed.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.utils.safestring import SafeString

from audiences.admin.showing import panel, table
from audiences.models import Audience, ContextDefinition, EventDefinition, TraitDefinition
from campaigns.admin.base import VoidsApprovals
from campaigns.lifecycle import State
from campaigns.models import Campaign, Guard, OfferVersion
from experiments.models import Experiment, Holdout, Layer, Metric

LOWER: tuple[type[models.Model], ...] = (
    ContextDefinition,
    EventDefinition,
    Experiment,
    Holdout,
    Layer,
    Metric,
    TraitDefinition,
)


def again(model: type[models.Model], mixin: type[Any]) -> None:
    """Register ``model``'s own page with ``mixin`` before it."""
    page = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    admin.site.register(model, type(page.__name__, (mixin, page), {}))


class UsedBy(VoidsApprovals):
    """An audience's page with what leans on it."""

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        sets = list(super().get_fieldsets(request, obj))
        if obj is not None:
            name, options = sets[-1]
            sets[-1] = (name, {**options, "fields": (*options["fields"], "used_by")})
        return sets

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "used_by"]

    @panel("Campaigns, offers and guards")
    def used_by(self, obj: Audience) -> SafeString:
        named = {"rule__icontains": f'"{obj.slug}"'}
        campaigns = Campaign.objects.filter(**named).exclude(state=State.ENDED)
        versions = OfferVersion.objects.filter(**named).select_related("offer")
        rows = [("Campaign", one.name, one.get_state_display()) for one in campaigns]
        rows += [("Offer", str(one), one.get_state_display()) for one in versions]
        rows += [("Guard", one.name, "active" if one.active else "off") for one in Guard.objects.filter(**named)]
        return table(("What", "Name", "State"), rows, "No campaign, offer or guard names it.")


again(Audience, UsedBy)
for _model in LOWER:
    again(_model, VoidsApprovals)
