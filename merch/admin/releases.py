"""What is served now, since when, and how is it published, rolled back or stopped?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from audiences.admin.base import ReadOnlyAdmin
from audiences.admin.permissions import sees_all, visible
from audiences.admin.showing import counted, lines, moment, panel
from audiences.admin.verbs import NotDone, Press, Verb, VerbPages
from campaigns.lifecycle import State
from campaigns.models import Campaign
from campaigns.problems import Problem
from merch.models import Kill, Publication, PublicationHold, Release
from merch.releases import pulse, store
from merch.replay import comparing

PUBLISH = "merch.add_publication"
ROLL_BACK = "merch.change_publication"
KILL = "merch.add_kill"


def _publish(nothing: Any, press: Press) -> str:
    try:
        done = store.publish(by=press.by, now=press.now, why=press.comment[:200])
    except store.Held as held:
        raise NotDone([Problem("publication.held", str(held), "Lift the hold first.")]) from held
    said = f"Published {done.release}." if done.changed else "Nothing had changed: the same release is served."
    out = "".join(f" {key} was left out: {why}" for key, why in done.left_out.items())
    return said + out


def _what_would_change(request: HttpRequest) -> list[str]:
    """What pressing would change, and whom it would reach."""
    if request.method != "GET":
        return []
    now = timezone.now()
    served = comparing.served()
    if served is None:
        return ["This is the first publication."]
    found = comparing.compare(served, store.preview(now)[0].document, now=now)
    return found.lines(_seen(request))


def _seen(request: HttpRequest) -> frozenset[str] | None:
    """Keys of the campaigns that this person may see; None: all."""
    if sees_all(request, Campaign):
        return None
    return frozenset(visible(request, Campaign.objects.all()).values_list("key", flat=True))


def _roll_back(publication: Publication, press: Press) -> str:
    store.rollback(publication.release_id, by=press.by, now=press.now, why=press.comment[:200])
    return "Rolled back. Nothing new is published until somebody lifts the hold."


def _lift_hold(nothing: Any, press: Press) -> str:
    return "The hold is lifted." if store.lift_hold(by=press.by, now=press.now) else "Nothing was on hold."


def _is_older(publication: Any) -> bool:
    newest = Publication.objects.order_by("-number").first()
    return newest is not None and newest.release_id != publication.release_id


def held() -> bool:
    """Whether a roll-back holds publication."""
    return PublicationHold.objects.filter(lifted_at__isnull=True).exists()


@admin.register(Publication)
class PublicationAdmin(VerbPages, ReadOnlyAdmin):
    list_display = ("number", "shown_release", "shown_at", "by", "why", "rollback")
    list_select_related = ("by", "release")
    list_filter = ("rollback",)
    ordering = ("-number",)
    intro = "Each act of making a release the served one, newest first. The topmost is served now."
    empty_hint = "Nothing is published yet. Approve and launch a campaign, then press “Publish now”."
    fieldsets = (
        (None, {"fields": ("number", "release", "shown_at", "by", "why", "rollback", "revision")}),
        ("What it changed", {"fields": ("shown_changes",)}),
    )
    readonly_fields = ("shown_at", "shown_changes")
    list_verbs = (
        Verb(
            name="publish",
            label="Publish now",
            icon="publish",
            variant=ActionVariant.PRIMARY,
            effect=lambda nothing: (
                "A release is built from approved content and served by every process within a second. "
                "It also happens by itself soon after each change."
            ),
            open=lambda request, nothing: request.user.has_perm(PUBLISH) and not held(),
            perform=_publish,
            comment="Why (for the history)",
            template="merch/admin/publish.html",
            context=lambda request, nothing: {"differences": _what_would_change(request)},
        ),
        Verb(
            name="lift-hold",
            label="Lift the hold",
            icon="lock_open",
            variant=ActionVariant.WARNING,
            effect=lambda nothing: "Publishing goes on after a roll-back: the next change is served again.",
            open=lambda request, nothing: request.user.has_perm(PUBLISH) and held(),
            perform=_lift_hold,
        ),
    )
    verbs = (
        Verb(
            name="roll-back",
            label="Roll back to this",
            icon="history",
            variant=ActionVariant.DANGER,
            effect=lambda publication: (
                f"Every process serves {publication.release} again within a second, and nothing new is published "
                "until a named person lifts the hold."
            ),
            open=lambda request, publication: request.user.has_perm(ROLL_BACK) and _is_older(publication),
            perform=_roll_back,
            comment="Why",
            comment_required=True,
        ),
    )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.seen = _seen(request)
        return row

    @panel("Against the publication before")
    def shown_changes(self, obj: Any) -> Any:
        return lines(comparing.told(comparing.before(obj), obj.seen) or ["no difference"])

    @display(description="Release")
    def shown_release(self, obj: Publication) -> str:
        return f"{obj.release} ({counted(obj.release.campaigns, 'campaign')})"

    @display(description="At", ordering="at")
    def shown_at(self, obj: Publication) -> str:
        return moment(obj.at)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("release").defer("release__document")


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("shown_digest", "shown_built", "campaigns", "candidates", "shown_size", "revision")
    search_fields = ("digest",)
    ordering = ("-built_at",)
    intro = "Immutable configurations of everything that decides, named by their content."
    empty_hint = "Nothing is published yet. Approve and launch a campaign; a release is then built by itself."
    fieldsets = ((None, {"fields": ("digest", "shown_built", "campaigns", "candidates", "shown_size", "revision")}),)
    readonly_fields = ("shown_built", "shown_size")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("document")

    @display(description="Release", ordering="digest")
    def shown_digest(self, obj: Release) -> str:
        return obj.digest[:19]

    @display(description="Built", ordering="built_at")
    def shown_built(self, obj: Release) -> str:
        return moment(obj.built_at)

    @display(description="Size", ordering="size")
    def shown_size(self, obj: Release) -> str:
        return f"{obj.size / 1024:,.0f} KB"


class KillForm(forms.Form):
    """Which campaign to stop, and why."""

    campaign = forms.ChoiceField(choices=lambda: _killable(), widget=UnfoldAdminSelect2Widget)
    comment = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())


def _killable() -> list[tuple[str, str]]:
    rows = Campaign.objects.exclude(state__in=(State.ENDED, State.DRAFT)).order_by("name")
    return [(row.key, f"{row.name} ({row.key})") for row in rows.only("key", "name")]


def _kill(row: Any, press: Press) -> str:
    key = row.key if isinstance(row, Campaign) else press.data["campaign"]
    pulse.kill(key, by=press.by, now=press.now, why=press.comment[:200])
    return f"{key} is killed: every process stops showing it within a second, until somebody lifts the kill."


def _lift(row: Any, press: Press) -> str:
    key = row.key if isinstance(row, Campaign) else row.campaign
    return (
        "It may run again." if pulse.lift(key, by=press.by, now=press.now, why=press.comment) else "It was not killed."
    )


def killed(campaign: Any) -> bool:
    """Whether a kill of this campaign is in force."""
    return Kill.objects.filter(campaign=campaign.key, lifted_at__isnull=True).exists()


EFFECT = (
    "It is stopped at once: every process leaves it out within a second, ahead of any release, and the slot goes to "
    "the next candidate. It stays stopped, whatever is published, until somebody lifts the kill."
)

CAMPAIGN_VERBS = (
    Verb(
        name="kill",
        label="Kill",
        icon="emergency_home",
        variant=ActionVariant.DANGER,
        effect=lambda campaign: f"{campaign.name}. {EFFECT}",
        open=lambda request, campaign: (
            campaign.state in (State.LIVE, State.PAUSED) and request.user.has_perm(KILL) and not killed(campaign)
        ),
        perform=_kill,
        comment="Why",
        comment_required=True,
    ),
    Verb(
        name="lift-kill",
        label="Lift the kill",
        icon="lock_open",
        variant=ActionVariant.WARNING,
        effect=lambda campaign: f"{campaign.name} may be shown again, as far as its state and flight allow.",
        open=lambda request, campaign: request.user.has_perm(KILL) and killed(campaign),
        perform=_lift,
        comment="Why",
    ),
)


@admin.register(Kill)
class KillAdmin(VerbPages, ReadOnlyAdmin):
    list_display = ("campaign", "status", "shown_at", "by", "why", "shown_lifted", "lifted_by")
    list_select_related = ("by", "lifted_by")
    search_fields = ("campaign",)
    ordering = ("-at",)
    intro = "Campaigns stopped at once, ahead of any release."
    empty_hint = "Nothing was ever killed. “Kill a campaign” stops one in every process within a second."
    fieldsets = ((None, {"fields": ("campaign", "status", "shown_at", "by", "why", "shown_lifted", "lifted_by")}),)
    readonly_fields = ("status", "shown_at", "shown_lifted")
    list_verbs = (
        Verb(
            name="kill",
            label="Kill a campaign",
            icon="emergency_home",
            variant=ActionVariant.DANGER,
            effect=lambda nothing: EFFECT,
            open=lambda request, nothing: request.user.has_perm(KILL),
            perform=_kill,
            comment="Why",
            comment_required=True,
            form=KillForm,
        ),
    )
    verbs = (
        Verb(
            name="lift",
            label="Lift the kill",
            icon="lock_open",
            variant=ActionVariant.WARNING,
            effect=lambda kill: f"{kill.campaign} may be shown again, as far as its state and flight allow.",
            open=lambda request, kill: kill.lifted_at is None and request.user.has_perm(KILL),
            perform=_lift,
            comment="Why",
        ),
    )

    @display(description="Status", label={"In force": "danger", "Lifted": "default"})
    def status(self, obj: Kill) -> str:
        return "Lifted" if obj.lifted_at else "In force"

    @display(description="Killed", ordering="at")
    def shown_at(self, obj: Kill) -> str:
        return moment(obj.at)

    @display(description="Lifted")
    def shown_lifted(self, obj: Kill) -> str:
        return moment(obj.lifted_at)


class WithKill:
    """Adds the kill to the campaign's own page, which knows nothing of serving."""

    verbs = (*type(admin.site.get_model_admin(Campaign)).verbs, *CAMPAIGN_VERBS)  # type: ignore[attr-defined]


def add_kill() -> None:
    """Register the campaign's page again with the kill on it."""
    page = type(admin.site.get_model_admin(Campaign))
    admin.site.unregister(Campaign)
    admin.site.register(Campaign, type(page.__name__, (WithKill, page), {}))


add_kill()
