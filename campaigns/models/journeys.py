"""Which plans of several steps do we have, in which versions, and who signed them off?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.base import ModelBase

from audiences.models import SLUG

LONGEST_CELL = 120


class Journey(models.Model):
    """A plan of several steps. What its newest published version says decides; ``state`` is what people intend."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        LIVE = "LIVE", "Live"
        PAUSED = "PAUSED", "Paused"
        ENDED = "ENDED", "Ended"

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    goal = models.TextField(blank=True, help_text="What should change, by how much, by when?")
    state = models.CharField(max_length=6, choices=State, default=State.DRAFT, editable=False)
    closed = models.JSONField(default=list, editable=False)  # [[start, end or null], ...] in UTC microseconds
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("key",)
        permissions = (
            ("approve_journey", "Can approve versions of journeys of other people"),
            ("launch_journey", "Can pause, resume and end journeys"),
        )

    def __str__(self) -> str:
        return self.name

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Only a verb writes state: a form that was opened earlier must not bring an old one back."""
        if update_fields is None and not self._state.adding:
            kept = ("id", "state", "closed")
            update_fields = [field.name for field in self._meta.concrete_fields if field.name not in kept]
        super().save(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)


class JourneyVersion(models.Model):
    """Who enters and what ends it; once published nothing of it changes, a new version is made instead.

    ``content`` is what was submitted and signed: releases and intake read it, never the columns beside it.
    """

    class State(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        IN_REVIEW = "IN_REVIEW", "In review"
        PUBLISHED = "PUBLISHED", "Published"

    class Anchor(models.TextChoices):
        EVENT = "EVENT", "something that a subject does"
        DATE = "DATE", "a date of the subject"

    class Policy(models.TextChoices):
        STAY = "STAY", "finish under their version"
        MOVE = "MOVE", "go on at the step of the same key"
        LEAVE = "LEAVE", "leave"

    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT, editable=False)

    anchor = models.CharField("entered by", max_length=5, choices=Anchor, default=Anchor.EVENT)
    anchor_cell = models.CharField(
        "event",
        max_length=LONGEST_CELL,
        blank=True,
        help_text="e.g. event|skip_limit|custom, campaign|spring|click, all||dismissal.",
    )
    anchor_count = models.PositiveSmallIntegerField(
        "times", default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    anchor_window = models.DurationField("within", null=True, blank=True, help_text="Empty: ever.")
    anchor_local_day = models.BooleanField("within one local day", default=False)
    anchor_trait = models.CharField("date trait", max_length=63, blank=True)
    anchor_days = models.SmallIntegerField("days after it", default=0, help_text="-30: thirty days before.")

    gate = models.JSONField(default=dict, blank=True, help_text="Who may be in it, asked at each decision.")
    length = models.DurationField(default=timedelta(days=14), help_text="From the entry to the end.")
    rest = models.DurationField(
        null=True, blank=True, help_text="After the end: nothing of it is shown, its group stays taken. Empty: none."
    )
    re_entry = models.DurationField(
        null=True, blank=True, help_text="After leaving, before it may be entered again. Empty: once in a lifetime."
    )
    group = models.CharField(
        max_length=100, blank=True, validators=[SLUG], help_text="A subject is in at most one journey of a group."
    )
    priority = models.IntegerField(default=0, help_text="In its group; a higher one takes over.")
    exits = ArrayField(
        models.CharField(max_length=LONGEST_CELL),
        default=list,
        blank=True,
        help_text="Events that end it at once, e.g. plan_group|main|conversion.",
    )
    exit_rule = models.JSONField(default=dict, blank=True, help_text="Who is out of it while this holds.")
    policy = models.CharField(
        "those inside", max_length=5, choices=Policy, default=Policy.STAY, help_text="What happens to them now?"
    )

    content = models.JSONField(null=True, editable=False)
    content_hash = models.CharField(max_length=71, blank=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    comment = models.TextField(blank=True, editable=False)
    start_at = models.DateTimeField(null=True, editable=False, help_text="From then on entries take it.")

    class Meta:
        ordering = ("journey", "-number")
        constraints = (
            models.UniqueConstraint(fields=("journey", "number"), name="one_journey_version_per_number"),
            # Two open drafts would let one editor publish what another is still writing.
            models.UniqueConstraint(
                fields=("journey",), condition=~Q(state="PUBLISHED"), name="one_open_version_per_journey"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="journey_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="PUBLISHED")
                | Q(content__isnull=False, decided_by__isnull=False, start_at__isnull=False),
                name="published_journey_was_approved",
            ),
        )
        triggers = (
            pgtrigger.Protect(
                name="published_journey_immutable",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="PUBLISHED"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.journey} v{self.number}"


class Step(models.Model):
    """One step of a version, as its draft says it."""

    class Since(models.TextChoices):
        ENTRY = "ENTRY", "the entry"
        PREVIOUS = "PREVIOUS", "the step before it was left"

    version = models.ForeignKey(JourneyVersion, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(default=0)
    key = models.CharField(max_length=100, validators=[SLUG])
    after = models.DurationField("opens after", null=True, blank=True, help_text="e.g. 3 days. Empty: at once.")
    since = models.CharField(max_length=8, choices=Since, default=Since.ENTRY)
    closes = models.DurationField(
        "closes after", null=True, blank=True, help_text="Empty: when the step after it opens, else with the journey."
    )
    rule = models.JSONField("only if", default=dict, blank=True, help_text="Asked whenever it could be shown.")
    otherwise = models.CharField(
        max_length=100, blank=True, help_text="The step that stands in while the rule does not hold."
    )
    leaves = ArrayField(
        models.CharField(max_length=LONGEST_CELL + 110),
        verbose_name="left by",
        default=list,
        blank=True,
        help_text="Events: campaign|hint|impression; with a branch: campaign|hint|click > deal.",
    )
    then = models.CharField(max_length=100, blank=True, help_text='Empty: the next in order. "end": it is over.')
    prefer = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, help_text="Campaigns that go first in their tier."
    )
    suppress = ArrayField(
        models.CharField(max_length=LONGEST_CELL),
        default=list,
        blank=True,
        help_text="Kept quiet meanwhile: tier|COMMERCIAL, domain|win-back, campaign|spring.",
    )
    pin = models.DurationField(
        null=True, blank=True, help_text="How long offer and price of a first impression stay the same everywhere."
    )

    class Meta:
        ordering = ("version", "position", "pk")
        constraints = (models.UniqueConstraint(fields=("version", "key"), name="one_step_per_key"),)
        triggers = (
            pgtrigger.Trigger(
                name="steps_of_published_immutable",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("row", "campaigns_step")],
                func="""
                row := COALESCE(NEW, OLD);
                IF EXISTS (
                    SELECT 1 FROM campaigns_journeyversion v WHERE v.id = row.version_id AND v.state = 'PUBLISHED'
                ) THEN
                    RAISE EXCEPTION 'steps of a published version never change';
                END IF;
                RETURN row;
                """,
            ),
        )

    def __str__(self) -> str:
        return self.key
