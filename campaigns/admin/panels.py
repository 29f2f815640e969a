"""What does the campaign page tell beside its fields: where it stands, its instants, its checks?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from audiences.admin.rules import reading
from audiences.admin.showing import ago, moment, panel, table
from campaigns import readiness, schedule
from campaigns.admin.campaign_verbs import pending, unapproved_edits
from campaigns.lifecycle import State
from campaigns.models import Campaign, Market
from experiments.models import Holdout

LABELS = {
    "Draft": "default",
    "In review": "warning",
    "Approved": "info",
    "Live, running": "success",
    "Live, scheduled": "info",
    "Live, over": "default",
    "Paused": "warning",
    "Ended": "default",
}
STATES = {name + edited: colour for name, colour in LABELS.items() for edited in ("", ", edited")}

NEXT = {
    State.DRAFT: "A draft. When all checks pass, submit it for approval.",
    State.IN_REVIEW: "It waits for approval by another person.",
    State.APPROVED: "Approved. It is shown once somebody launches it.",
    State.LIVE: "Live: releases carry its approved content.",
    State.PAUSED: "Paused: no release carries it until somebody resumes it.",
    State.ENDED: "Ended for good. Clone it to do something like it again.",
}


def phase(campaign: Campaign, now: datetime) -> str:
    """scheduled, running or over: from the flight and the clock. The account's own zone begins first in the east."""
    zone = campaign.time_zone
    if now < schedule.resolve(campaign.starts, zone or "Pacific/Kiritimati", last=False).instant:
        return "scheduled"
    ends = schedule.resolve(campaign.ends, zone or "Etc/GMT+12", last=True).instant if campaign.ends else None
    return "over" if ends is not None and now >= ends else "running"


class Panels(admin.ModelAdmin[Any]):
    """Read-only fields of the campaign form."""

    @panel("Who")
    def rule_said(self, obj: Campaign) -> str:
        return reading(obj.rule)

    @panel("Where it stands")
    def standing(self, obj: Any) -> str:
        if obj.pk is None:
            return "New. Fill in what you know and save: the page then lists what is missing."
        asked = pending(obj)
        now = timezone.now()
        edited = obj.state in (State.LIVE, State.PAUSED) and unapproved_edits(obj)
        return render_to_string(
            "campaigns/admin/standing.html",
            {
                "label": obj.get_state_display(),
                "variant": LABELS.get(obj.get_state_display(), "success"),
                "phase": phase(obj, now) if obj.state == State.LIVE else "",
                "next": NEXT[State(obj.state)],
                "asked": asked,
                "asked_ago": ago(asked.requested_at, now) if asked else "",
                "edited": edited,
            },
        )

    @panel("What that means per market")
    def instants(self, obj: Any) -> SafeString | str:
        if obj.pk is None or obj.starts is None:
            return "Save first; then the instants of each market stand here."
        rows = obj.markets.all() or Market.objects.all()
        found = schedule.instants_per_market(obj, [(market.code, market.time_zone) for market in rows])
        return table(
            ("Market", "On clocks of", "Starts", "Ends", ""),
            (
                (
                    one.market,
                    one.zone,
                    moment(one.starts.instant),
                    moment(one.ends.instant) if one.ends else "further notice",
                    " ".join(filter(None, (one.starts.note, one.ends.note if one.ends else ""))),
                )
                for one in found
            ),
            "There is no market yet. Add one first.",
        )

    @panel("Effect")
    def measured(self, obj: Any) -> SafeString | str:
        if obj.pk is None:
            return "Holdouts that cover the campaign and experiments of its items are listed here."
        domain = obj.domain.key if obj.domain else ""
        covering = Holdout.objects.filter(
            Q(scope="GLOBAL", tiers__contains=[obj.tier])
            | Q(scope="DOMAIN", scope_key=domain)
            | Q(scope="CAMPAIGN", scope_key=obj.key)
        ).prefetch_related("periods")
        rows: list[tuple[str, str, str]] = [
            ("Holdout", holdout.name, _sizes(holdout)) for holdout in covering if holdout.periods.all()
        ]
        items = obj.items.filter(experiment__isnull=False).select_related("experiment")
        rows += [
            ("Experiment", item.experiment.name, f"on {item.key}: {item.experiment.get_state_display().lower()}")
            for item in items
            if item.experiment
        ]
        empty = "Nothing measures it: no holdout covers it and no item has an experiment. Its effect will not be known."
        return table(("By", "Name", "How"), rows, empty)

    @panel("Readiness")
    def checks(self, obj: Any) -> str:
        if obj.pk is None:
            return "Save first; then everything that is in the way of a launch is listed here."
        now = timezone.now()
        context = {"problems": readiness.problems(obj, now=now), "notes": readiness.notes(obj, now=now)}
        return render_to_string("campaigns/admin/checks.html", context)


def _sizes(holdout: Holdout) -> str:
    return "; ".join(
        f"{period.size / 100:g} % from {moment(period.period.lower)} to {moment(period.period.upper)}"
        for period in holdout.periods.all()
    )
