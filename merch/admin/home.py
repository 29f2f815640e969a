"""What should a merchandiser see first? (Live, due, waiting, edited, published, counted, and what happened today.)"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from audiences.admin.permissions import holds, visible
from audiences.admin.revising import in_words
from audiences.admin.showing import ago, counted, moment, wall
from audiences.models import AudienceRun, Event, MoneyEvent, Revision
from campaigns.admin.campaigns import with_unapproved_edits
from campaigns.admin.panels import phase
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign
from merch.models import Kill, Publication, PublicationHold

SOON = timedelta(days=7)
MOST = 8  # rows per panel
TODAY = ("impression", "click", "conversion")


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK; a constant number of queries."""
    now = timezone.now()
    rows = list(_running(request))
    killed = set(Kill.objects.filter(lifted_at__isnull=True).values_list("campaign", flat=True))
    live = [row for row in rows if row.state == State.LIVE]
    edited = with_unapproved_edits([row.pk for row in rows if row.state in (State.LIVE, State.PAUSED)])
    sees = holds(request, Campaign, "view")
    return context | {
        "title": "Home",
        "sees_campaigns": sees,
        "figures": _figures(live, now) if sees else [],
        "live": [_line(row, now, killed) for row in live if phase(row, now) == "running"][:MOST],
        "soon": _soon(live, now),
        "approved": [_line(row, now, killed) for row in rows if row.state == State.APPROVED][:MOST],
        "reviews": _reviews(request, now),
        "edited": [_line(row, now, killed) for row in rows if row.pk in edited][:MOST],
        "publication": _publication(now),
        "run": _run(now) if holds(request, AudienceRun, "view") else None,
        "latest": _latest(request, now),
    }


def _running(request: HttpRequest) -> QuerySet[Campaign]:
    states = (State.LIVE, State.PAUSED, State.APPROVED)
    return visible(request, Campaign.objects.filter(state__in=states)).order_by("-priority", "name")


def _line(row: Campaign, now: datetime, killed: set[str]) -> dict[str, Any]:
    return {
        "name": row.name,
        "url": reverse("admin:campaigns_campaign_change", args=[row.pk]),
        "tier": row.get_tier_display(),
        "state": "killed" if row.key in killed else row.get_state_display().lower(),
        "ends": f"until {wall(row.ends)}" if row.ends else "until further notice",
        "zone": row.time_zone or "account's own zone",
    }


def _soon(live: list[Campaign], now: datetime) -> list[dict[str, Any]]:
    """Starts and ends of the coming week, in time order; wall times, so a day early or late for far zones."""
    naive = now.replace(tzinfo=None)
    found = [(row.starts, "goes live", row) for row in live] + [(row.ends, "ends", row) for row in live if row.ends]
    due = sorted(((at, what, row) for at, what, row in found if naive <= at < naive + SOON), key=lambda one: one[0])
    return [{**_line(row, now, set()), "what": what, "at": wall(at)} for at, what, row in due[:MOST]]


def _reviews(request: HttpRequest, now: datetime) -> list[dict[str, Any]]:
    """Requests that this person may answer; the button on the review page has the last word."""
    waiting = Approval.objects.filter(decision=Approval.Decision.PENDING).exclude(requested_by=request.user.pk)
    seen = waiting.filter(campaign__in=visible(request, Campaign.objects.all()))
    rows = seen.select_related("campaign", "requested_by").defer("content")[: 3 * MOST]
    mine = [row for row in rows if holds(request, Campaign, "approve", row.campaign)]
    return [
        {
            "name": row.campaign.name,
            "url": reverse("admin:campaigns_campaign_do", args=[row.campaign_id, "approve"]),
            "by": row.requested_by.get_full_name() or row.requested_by.get_username(),
            "ago": ago(row.requested_at, now),
        }
        for row in mine[:MOST]
    ]


def _publication(now: datetime) -> dict[str, Any]:
    """Whether what is served answers to the newest change."""
    newest = Publication.objects.select_related("release").defer("release__document").first()
    hold = PublicationHold.objects.filter(lifted_at__isnull=True).select_related("placed_by").first()
    head = Revision.objects.exclude(object_type="release").order_by("-number").values_list("number", flat=True).first()
    behind = (head or 0) - (newest.revision if newest else 0)
    return {
        "newest": newest,
        "ago": ago(newest.at, now) if newest else "",
        "at": moment(newest.at) if newest else "",
        "behind": max(behind, 0),
        "hold": hold,
        "hold_by": hold.placed_by.get_username() if hold and hold.placed_by else "merch",
        "hold_at": moment(hold.placed_at) if hold else "",
    }


def _run(now: datetime) -> dict[str, Any]:
    newest = AudienceRun.objects.first()
    if newest is None:
        return {"none": True}
    return {
        "url": reverse("admin:audiences_audiencerun_change", args=[newest.pk]),
        "state": newest.get_state_display(),
        "as_of": moment(newest.as_of),
        "ago": ago(newest.as_of, now),
        "note": newest.note,
    }


def _figures(live: list[Campaign], now: datetime) -> list[dict[str, str]]:
    """Today's counts (UTC): partitions of one day, so they stay cheap."""
    today = now.date()
    events = Event.objects.filter(day=today, kind__in=TODAY).values("kind").annotate(n=Count("source"))
    found = {row["kind"]: row["n"] for row in events}
    money = MoneyEvent.objects.filter(occurred_at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0))
    found["conversion"] = found.get("conversion", 0) + money.filter(kind="conversion").count()
    running = sum(1 for row in live if phase(row, now) == "running")
    return [
        {"label": "Campaigns live now", "value": f"{running:,}", "note": f"{counted(len(live), 'campaign')} launched"},
        {"label": "Impressions today", "value": f"{found.get('impression', 0):,}", "note": "since 00:00 UTC"},
        {"label": "Clicks today", "value": f"{found.get('click', 0):,}", "note": "since 00:00 UTC"},
        {"label": "Conversions today", "value": f"{found['conversion']:,}", "note": "since 00:00 UTC"},
    ]


def _latest(request: HttpRequest, now: datetime) -> list[dict[str, Any]]:
    if not holds(request, Revision, "view"):
        return []
    return [
        {
            "who": row.actor_name,
            "what": f"{row.verb} {row.object_type} {shortened(row.object_key)}",
            "fields": ", ".join(path for path, *_ in in_words(row.before, row.after)[:3]),
            "ago": ago(row.at, now),
            "url": reverse("admin:audiences_revision_change", args=[row.number]),
        }
        for row in Revision.objects.order_by("-number")[:MOST]
    ]


def shortened(key: str) -> str:
    """A digest by its first twelve digits; any other key as it is."""
    return key[:19] if key.startswith("sha256:") else key


def waiting(request: HttpRequest) -> str:
    """The badge beside “Approvals”: how many wait for somebody."""
    rows = Approval.objects.filter(decision=Approval.Decision.PENDING)
    number = rows.filter(campaign__in=visible(request, Campaign.objects.all())).count()
    return str(number) if number else ""
