"""Which applications may call, and how is a key given out and taken back?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audiences.admin.base import ReadOnlyAdmin
from audiences.admin.fields import WallField, WordsField, instant
from audiences.admin.showing import moment
from audiences.admin.verbs import NotDone, Press, Verb, VerbPages
from campaigns.problems import Problem
from merch import issuing
from merch.keys import Scope
from merch.models import ApiKey

ISSUE = "merch.add_apikey"
REVOKE = "merch.change_apikey"


class IssueForm(forms.Form):
    """What a new key is for."""

    name = forms.CharField(
        max_length=100,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The application, e.g. ios-app or billing. Its events carry this name as their source.",
    )
    scope = forms.ChoiceField(choices=ApiKey.Scope.choices, widget=UnfoldAdminSelectWidget())
    origins = WordsField(
        required=False, help_text="For a client key on web pages: https://example.com. Separated by commas."
    )
    person = forms.ModelChoiceField(
        queryset=User.objects.filter(is_active=True).order_by("username"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="For a manage key: whose rights it has.",
    )
    expires = WallField(required=False, label="Expires (UTC)", help_text="Empty: until somebody revokes it.")


def _issue(nothing: Any, press: Press) -> Any:
    data = press.data
    try:
        issued = issuing.issue(
            data["name"],
            Scope(data["scope"]),
            by=press.by,
            now=press.now,
            person=data["person"],
            origins=data["origins"],
            expires_at=instant(data["expires"], "UTC"),
        )
    except issuing.CannotIssue as error:
        raise NotDone([Problem("key.refused", str(error), "")]) from error
    return IssuedPage(issued)


class IssuedPage(TemplateResponse):
    """The key itself, shown now and never again."""

    def __init__(self, issued: issuing.Issued) -> None:
        super().__init__(None, "merch/admin/issued.html", {"issued": issued})  # type: ignore[arg-type]


def _revoke(row: Any, press: Press) -> str:
    issuing.revoke(row, by=press.by, now=press.now, why=press.comment)
    return f"{row.name} is refused from now on, in every process within seconds."


@admin.register(ApiKey)
class ApiKeyAdmin(VerbPages, ReadOnlyAdmin):
    list_display = ("heading", "scope_label", "status", "shown_created", "shown_expires", "person")
    list_select_related = ("person",)
    list_filter = ("scope",)
    search_fields = ("name", "prefix")
    ordering = ("-created_at",)
    intro = "Keys of the applications that call. Only a digest is stored; the key itself is shown once."
    empty_hint = (
        "Press “Issue a key”: a client key for an app (decisions and token events), a server key for your backend."
    )
    fieldsets = (
        (None, {"fields": ("name", "prefix", "scope", "status", "person")}),
        ("Where and until when", {"fields": ("shown_origins", "shown_created", "shown_expires", "shown_revoked")}),
    )
    readonly_fields = ("status", "shown_origins", "shown_created", "shown_expires", "shown_revoked")
    list_verbs = (
        Verb(
            name="issue",
            label="Issue a key",
            icon="vpn_key",
            variant=ActionVariant.PRIMARY,
            effect=lambda nothing: "A new key is made and shown once. Copy it then: it is stored nowhere.",
            open=lambda request, nothing: request.user.has_perm(ISSUE),
            perform=_issue,
            form=IssueForm,
        ),
    )
    verbs = (
        Verb(
            name="revoke",
            label="Revoke",
            icon="key_off",
            variant=ActionVariant.DANGER,
            effect=lambda row: f"{row.name} ({row.prefix}…) is refused in every process within seconds, and for ever.",
            open=lambda request, row: row.revoked_at is None and request.user.has_perm(REVOKE),
            perform=_revoke,
            comment="Why",
        ),
    )

    def list_verb_view(self, request: HttpRequest, verb: str) -> Any:
        shown = super().list_verb_view(request, verb)
        if isinstance(shown, IssuedPage) and shown.context_data is not None:
            shown._request = request
            shown.context_data |= {
                **self.admin_site.each_context(request),
                "title": "Copy this key now",
                "opts": self.opts,
            }
            shown.headers["Cache-Control"] = "no-store"
        return shown

    @display(description="Key", header=True, ordering="name")
    def heading(self, obj: ApiKey) -> list[str]:
        return [obj.name, f"{obj.prefix}…"]

    @display(description="Scope", label={"client": "info", "server": "primary", "manage": "warning"}, ordering="scope")
    def scope_label(self, obj: ApiKey) -> str:
        return obj.scope

    @display(description="Status", label={"Works": "success", "Revoked": "danger", "Expired": "default"})
    def status(self, obj: ApiKey) -> str:
        if obj.revoked_at:
            return "Revoked"
        return "Expired" if obj.expires_at and obj.expires_at <= timezone.now() else "Works"

    @display(description="Origins")
    def shown_origins(self, obj: ApiKey) -> str:
        return ", ".join(obj.origins) or "none: not usable from web pages"

    @display(description="Issued", ordering="created_at")
    def shown_created(self, obj: ApiKey) -> str:
        return moment(obj.created_at)

    @display(description="Expires", ordering="expires_at")
    def shown_expires(self, obj: ApiKey) -> str:
        return moment(obj.expires_at) if obj.expires_at else "never"

    @display(description="Revoked")
    def shown_revoked(self, obj: ApiKey) -> str:
        return moment(obj.revoked_at)
