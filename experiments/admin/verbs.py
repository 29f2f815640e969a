"""Which buttons do experiments and holdouts have, and what does each say it will do?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget

from audiences.admin.fields import WallField, instant
from audiences.admin.permissions import holds
from audiences.admin.verbs import Press, Verb
from experiments import operations
from experiments.lifecycle import State
from experiments.models import Experiment, Holdout

WHY = "Why (for the history)"


def percent_field(label: str, help_text: str, *, required: bool = True) -> forms.DecimalField:
    """A share in percent, with two decimals: a bucket is a hundredth of a percent."""
    return forms.DecimalField(
        min_value=0,
        max_value=100,
        decimal_places=2,
        label=label,
        help_text=help_text,
        required=required,
        widget=UnfoldAdminDecimalFieldWidget({"step": "any"}),
    )


class ShareForm(forms.Form):
    """How much of the layer."""

    percent = percent_field(
        "Percent of the layer", "Leave it empty for a test that was assigned elsewhere.", required=False
    )
    comment = forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 3}), max_length=2000, required=False)


class DrawForm(forms.Form):
    """How many to withhold, until when."""

    percent = percent_field("Percent withheld", "2 withholds two of a hundred subjects.")
    ends = WallField(required=False, label="Until (UTC, exclusive)", help_text="Empty: until somebody ends it.")
    comment = forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 3}), max_length=2000, required=False)


class GrowForm(forms.Form):
    """How many to withhold from now on."""

    percent = percent_field("Percent withheld", "More than now; nobody is released.")
    comment = forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 3}), max_length=2000, required=False)


def buckets(percent: Decimal | None) -> int | None:
    """Percent in buckets of 10,000."""
    return None if percent is None else int(percent * 100)


def _in(*states: State) -> Any:
    return lambda request, row: row.state in states and holds(request, Experiment, "change", row)


def _start(row: Experiment, press: Press) -> str:
    operations.start(row, buckets(press.data["percent"]), by=press.by, now=press.now, why=press.comment)
    return f"{row} runs from the next release on."


def _ramp(row: Experiment, press: Press) -> str:
    operations.ramp(row, buckets(press.data["percent"]) or 0, by=press.by, now=press.now, why=press.comment)
    return "The share has changed. Nobody changes arm by it."


def _pause(row: Experiment, press: Press) -> str:
    operations.pause(row, by=press.by, now=press.now, why=press.comment)
    return f"{row} is paused."


def _resume(row: Experiment, press: Press) -> str:
    operations.resume(row, by=press.by, now=press.now, why=press.comment)
    return f"{row} runs again."


def _stop(row: Experiment, press: Press) -> str:
    operations.stop(row, by=press.by, now=press.now, why=press.comment)
    return f"{row} is stopped. When its windows have ripened, write down the conclusion."


def _conclude(row: Experiment, press: Press) -> str:
    operations.conclude(row, press.comment, by=press.by, now=press.now)
    return f"{row} is concluded."


EXPERIMENT_VERBS = (
    Verb(
        name="start",
        label="Start",
        icon="play_circle",
        variant=ActionVariant.SUCCESS,
        effect=lambda row: (
            f"{row.name} assigns subjects from the next release on. Its plan is frozen: arms, rule, metrics."
        ),
        open=_in(State.DRAFT),
        perform=_start,
        comment=WHY,
        form=ShareForm,
    ),
    Verb(
        name="ramp",
        label="Change share",
        icon="tune",
        effect=lambda row: (
            "More or fewer subjects take part. Nobody changes arm; who was exposed stays when it shrinks."
        ),
        open=_in(State.RUNNING, State.PAUSED),
        perform=_ramp,
        comment=WHY,
        form=ShareForm,
    ),
    Verb(
        name="pause",
        label="Pause",
        icon="pause_circle",
        effect=lambda row: f"{row.name} assigns nobody for now: everybody gets what they would get without it.",
        open=_in(State.RUNNING),
        perform=_pause,
        comment=WHY,
    ),
    Verb(
        name="resume",
        label="Resume",
        icon="play_circle",
        variant=ActionVariant.SUCCESS,
        effect=lambda row: f"{row.name} goes on, with its arms as they are now.",
        open=_in(State.PAUSED),
        perform=_resume,
        comment=WHY,
    ),
    Verb(
        name="stop",
        label="Stop",
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        effect=lambda row: f"{row.name} assigns nobody ever again and frees its buckets. Open metric windows ripen.",
        open=_in(State.RUNNING, State.PAUSED),
        perform=_stop,
        comment=WHY,
    ),
    Verb(
        name="conclude",
        label="Conclude",
        icon="flag",
        variant=ActionVariant.PRIMARY,
        effect=lambda row: f"Write down what {row.name} has shown, and which arm is shipped. This is final.",
        open=_in(State.STOPPED),
        perform=_conclude,
        comment="Which arm is shipped, or that none is, and why",
        comment_required=True,
    ),
)


def _may_change(request: HttpRequest, row: Any) -> bool:
    return holds(request, Holdout, "change", row)


def _draw(row: Holdout, press: Press) -> str:
    ends = instant(press.data["ends"], "UTC")
    size = buckets(press.data["percent"]) or 0
    operations.draw(row, size, by=press.by, now=press.now, ends_at=ends, why=press.comment)
    return "A new group is withheld from the next release on."


def _grow(row: Holdout, press: Press) -> str:
    operations.grow(row, buckets(press.data["percent"]) or 0, by=press.by, now=press.now, why=press.comment)
    return "More subjects are withheld from the next release on."


def _end(row: Holdout, press: Press) -> str:
    operations.end_draws(row, by=press.by, now=press.now, why=press.comment)
    return "Nobody is withheld any more, from the next release on."


HOLDOUT_VERBS = (
    Verb(
        name="draw",
        label="Draw a group",
        icon="casino",
        variant=ActionVariant.PRIMARY,
        effect=lambda row: f"{row.name}: a new group is drawn by a hash and withheld. A group before it ends.",
        open=_may_change,
        perform=_draw,
        comment=WHY,
        form=DrawForm,
    ),
    Verb(
        name="grow",
        label="Withhold more",
        icon="trending_up",
        effect=lambda row: f"{row.name}: the same group grows. Nobody is released.",
        open=lambda request, row: _may_change(request, row) and row.periods.exists(),
        perform=_grow,
        comment=WHY,
        form=GrowForm,
    ),
    Verb(
        name="end",
        label="End",
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        effect=lambda row: f"{row.name} withholds nobody any more. Draws that have not begun are dropped.",
        open=lambda request, row: _may_change(request, row) and row.periods.exists(),
        perform=_end,
        comment=WHY,
    ),
)
