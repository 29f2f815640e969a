"""How does a person write a journey, and who lets it begin?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from audiences.admin.base import Cards
from audiences.admin.fields import WordsField
from audiences.admin.permissions import holds, signed_in, visible
from audiences.admin.revising import FreshForm
from audiences.admin.rules import RuleField
from audiences.admin.showing import lines, moment, panel, table
from audiences.admin.verbs import Press, Verb, VerbPages
from campaigns import journeychecks, journeys
from campaigns.admin.base import VoidsApprovals
from campaigns.admin.journey_words import sentences
from campaigns.models import Journey, JourneyVersion, Step

State = JourneyVersion.State

WHY = "Why (for the history)"
LABELS = {"Draft": "default", "Live": "success", "Paused": "warning", "Ended": "default"}
VERSION_LABELS = {"Draft": "default", "In review": "warning", "Published": "success"}


class VersionForm(FreshForm):
    gate = RuleField(required=False, label="Who may be in it", help_text="Asked at each decision. Empty: everyone.")
    exit_rule = RuleField(required=False, label="Who is out of it", help_text="While this holds. Empty: nobody.")
    exits = WordsField(
        required=False, help_text="Events that end it at once, separated by commas: plan_group|main|conversion."
    )


class StepForm(FreshForm):
    rule = RuleField(required=False, label="Only if", help_text="Asked whenever it could be shown.")
    leaves = WordsField(
        required=False,
        label="Left by",
        help_text="campaign|hint|impression; to a branch: campaign|hint|click > deal.",
    )
    prefer = WordsField(required=False, help_text="Campaigns that go first in their tier, separated by commas.")
    suppress = WordsField(required=False, help_text="Kept quiet: tier|COMMERCIAL, domain|win-back, campaign|spring.")


class StepCards(Cards):
    model = Step
    form = StepForm
    verbose_name = "step"
    verbose_name_plural = "Steps, in order"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("position", "key"),
                    ("after", "since", "closes"),
                    "rule",
                    ("otherwise", "then"),
                    "leaves",
                    "prefer",
                    "suppress",
                    "pin",
                )
            },
        ),
    )


def _may(request: HttpRequest, verb: str, row: JourneyVersion | Journey) -> bool:
    return holds(request, Journey, verb, row if isinstance(row, Journey) else row.journey)


def _begin(journey: Journey, press: Press) -> JourneyVersion | str:
    version = journeys.new_version(journey, by=press.by, now=press.now, why=press.comment)
    return f"Version {version.number} can be written now: open it under “Versions”."


def _submit(version: JourneyVersion, press: Press) -> str:
    journeys.submit(version, by=press.by, now=press.now, why=press.comment)
    return "It waits for approval by another person."


def _approve(version: JourneyVersion, press: Press) -> str:
    journeys.approve(version, press.comment, by=press.by, now=press.now)
    return f"{version} is published: entries take it from now on."


def _refuse(version: JourneyVersion, press: Press) -> str:
    journeys.refuse(version, press.comment, by=press.by, now=press.now)
    return "It went back to its editor."


def _withdraw(version: JourneyVersion, press: Press) -> str:
    journeys.withdraw(version, by=press.by, now=press.now, why=press.comment)
    return "It is a draft again."


def _pause(journey: Journey, press: Press) -> str:
    journeys.pause(journey, by=press.by, now=press.now, why=press.comment)
    return f"{journey} is paused from the next release on."


def _resume(journey: Journey, press: Press) -> str:
    journeys.resume(journey, by=press.by, now=press.now, why=press.comment)
    return f"{journey} goes on."


def _end(journey: Journey, press: Press) -> str:
    journeys.end(journey, by=press.by, now=press.now, why=press.comment)
    return f"{journey} has ended."


JOURNEY_VERBS = (
    Verb(
        name="new-version",
        label="New version",
        icon="add_circle",
        effect=lambda journey: f"A draft begins as a copy of the newest version of {journey}. What is live stays.",
        open=lambda request, journey: (
            _may(request, "change", journey)
            and journey.state != Journey.State.ENDED
            and not journey.versions.exclude(state=State.PUBLISHED).exists()
        ),
        perform=_begin,
    ),
    Verb(
        name="pause",
        label="Pause",
        icon="pause_circle",
        effect=lambda journey: f"Nobody enters {journey} and nothing of it is shown; time goes on for those inside.",
        open=lambda request, journey: journey.state == Journey.State.LIVE and _may(request, "launch", journey),
        perform=_pause,
        comment=WHY,
    ),
    Verb(
        name="resume",
        label="Resume",
        icon="play_circle",
        variant=ActionVariant.SUCCESS,
        effect=lambda journey: f"{journey} takes entries and is shown again.",
        open=lambda request, journey: journey.state == Journey.State.PAUSED and _may(request, "launch", journey),
        perform=_resume,
        comment=WHY,
    ),
    Verb(
        name="end",
        label="End",
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        effect=lambda journey: f"{journey} is over for everybody, for good.",
        open=lambda request, journey: (
            journey.state in (Journey.State.LIVE, Journey.State.PAUSED) and _may(request, "launch", journey)
        ),
        perform=_end,
        comment=WHY,
    ),
)

VERSION_VERBS = (
    Verb(
        name="submit",
        label="Submit for approval",
        icon="send",
        variant=ActionVariant.PRIMARY,
        effect=lambda version: f"Another person is asked to approve {version} exactly as it is now.",
        open=lambda request, version: version.state == State.DRAFT and _may(request, "change", version),
        perform=_submit,
        comment=WHY,
    ),
    Verb(
        name="approve",
        label="Approve and publish",
        icon="verified",
        variant=ActionVariant.SUCCESS,
        effect=lambda version: f"From now on entries take {version}. It can never be changed after that.",
        open=lambda request, version: version.state == State.IN_REVIEW and _may(request, "approve", version),
        perform=_approve,
        comment="Comment (optional)",
    ),
    Verb(
        name="refuse",
        label="Send back",
        icon="undo",
        variant=ActionVariant.WARNING,
        effect=lambda version: f"{version} goes back to its editor with your comment.",
        open=lambda request, version: version.state == State.IN_REVIEW and _may(request, "approve", version),
        perform=_refuse,
        comment="What should change?",
        comment_required=True,
    ),
    Verb(
        name="withdraw",
        label="Withdraw",
        icon="cancel_schedule_send",
        effect=lambda version: f"{version} is a draft again.",
        open=lambda request, version: version.state == State.IN_REVIEW and _may(request, "change", version),
        perform=_withdraw,
        comment=WHY,
    ),
)


@admin.register(Journey)
class JourneyAdmin(VerbPages, VoidsApprovals):
    fixed = ("key",)
    verbs = JOURNEY_VERBS
    list_display = ("heading", "state_label", "goal")
    search_fields = ("key", "name")
    prepopulated_fields = {"key": ("name",)}
    readonly_fields = ("shown_versions",)
    intro = "Plans of several steps: who enters, what is shown when, what ends it. Versions are approved, then frozen."
    empty_hint = "Add a journey; its first version opens as a draft. Campaigns then name the step that they belong to."
    fieldsets = ((None, {"fields": (("name", "key"), "goal")}), ("Versions", {"fields": ("shown_versions",)}))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj is not None else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            # So that the next page has something to open.
            journeys.new_version(form.instance, by=signed_in(request), now=timezone.now())

    @display(description="Journey", header=True, ordering="name")
    def heading(self, obj: Journey) -> list[str]:
        return [obj.name, obj.key]

    @display(description="State", label=LABELS, ordering="state")
    def state_label(self, obj: Journey) -> str:
        return obj.get_state_display()

    @panel("Versions")
    def shown_versions(self, obj: Any) -> SafeString:
        rows = obj.versions.all() if obj.pk else ()
        return table(
            ("Version", "State", "Entries take it from"),
            ((_link(one), one.get_state_display(), moment(one.start_at)) for one in rows),
            "Save first; then its first version opens as a draft.",
        )


@admin.register(JourneyVersion)
class JourneyVersionAdmin(VerbPages, VoidsApprovals):
    form = VersionForm
    verbs = VERSION_VERBS
    portrait_children = ("steps",)
    inlines = (StepCards,)
    list_display = ("heading", "state_label", "shown_start", "decided_by")
    list_select_related = ("journey", "decided_by")
    list_filter = ("state", "journey")
    search_fields = ("journey__key", "journey__name")
    readonly_fields = ("said", "checks")
    intro = "Every version of every journey. A new one begins on the page of its journey."
    empty_hint = "Add a journey first; its first version opens as a draft."
    fieldsets = (
        ("What it says", {"fields": ("said", "checks")}),
        (
            "Who enters",
            {
                "fields": (
                    "anchor",
                    "anchor_cell",
                    ("anchor_count", "anchor_window", "anchor_local_day"),
                    ("anchor_trait", "anchor_days"),
                    "gate",
                )
            },
        ),
        ("What ends it", {"fields": ("exits", "exit_rule", ("length", "rest", "re_entry"))}),
        ("Beside other journeys", {"fields": (("group", "priority"),)}),
        ("When this version is published", {"fields": ("policy",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[JourneyVersion]:
        rows: QuerySet[JourneyVersion] = super().get_queryset(request)
        return rows.filter(journey__in=visible(request, Journey.objects.all()))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        frozen = obj is not None and obj.state != State.DRAFT
        return not frozen and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Version", header=True, ordering="journey__name")
    def heading(self, obj: JourneyVersion) -> list[str]:
        return [str(obj), obj.journey.key]

    @display(description="State", label=VERSION_LABELS, ordering="state")
    def state_label(self, obj: JourneyVersion) -> str:
        return obj.get_state_display()

    @display(description="Entries from", ordering="start_at")
    def shown_start(self, obj: JourneyVersion) -> str:
        return moment(obj.start_at)

    @panel("In words")
    def said(self, obj: Any) -> SafeString | str:
        return lines(sentences(obj)) if obj.pk else ""

    @panel("Checks")
    def checks(self, obj: Any) -> SafeString | str:
        if obj.pk is None or obj.state == State.PUBLISHED:
            return "Published: it was approved as it stands."
        found = journeychecks.problems(obj)
        return lines(f"{one.sentence} {one.hint}" for one in found) if found else "Nothing is in the way."


def _link(version: JourneyVersion) -> SafeString:
    where = reverse("admin:campaigns_journeyversion_change", args=[version.pk])
    return format_html('<a class="merch-link" href="{}">Version {}</a>', where, version.number)
