"""What is the same on every page of the admin? (Permissions, audit, freshness, looks.)"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError, models, router, transaction
from django.forms import Field, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from audiences.admin.fields import JsonField, SpanField
from audiences.admin.permissions import FollowsParent, ObjectPermissions, signed_in
from audiences.admin.revising import (
    FreshForm,
    Identity,
    Portrait,
    history,
    identity,
    in_words,
    latest_number,
    portrait,
    record,
)
from audiences.admin.showing import moment
from audiences.admin.verbs import NotDone

PAGE = 25


def plain_fields(db_field: models.Field[Any, Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """How some columns are entered on every page, unless a form says otherwise."""
    if isinstance(db_field, models.DurationField):
        return {"form_class": SpanField, **kwargs}
    if isinstance(db_field, models.JSONField):
        return {"form_class": JsonField, **kwargs}
    if isinstance(db_field, models.TextField):
        return {"widget": UnfoldAdminTextareaWidget({"rows": 3}), **kwargs}
    return kwargs


def made_field(db_field: models.Field[Any, Any], kwargs: dict[str, Any]) -> Field | None:
    """The form field of a column that no admin override may reach; None: as Django does it."""
    ours = plain_fields(db_field, {})
    form_class = ours.get("form_class")
    if form_class is None or kwargs.get("widget") is not None:
        return None
    made: Any = db_field
    field: Field | None = made.formfield(form_class=form_class, **kwargs)
    return field


class MerchAdmin(ObjectPermissions, ModelAdmin):
    """The one base of all pages.

    Every save is a Revision in its own transaction; a form opened before somebody else's save is refused; rows
    hidden by object permissions are found nowhere. ``portrait_children`` names the relations that count as part
    of the object, so that a change to an inline is a change of its parent.
    """

    form = FreshForm
    list_per_page = PAGE
    list_max_show_all = 200
    list_filter_submit = True
    list_filter_sheet = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # their counts would cost a query per value
    compressed_fields = True
    warn_unsaved_form = True
    paginator = Paginator
    save_as = False
    actions_on_top = False
    change_form_before_template = "audiences/admin/seen.html"
    list_before_template = "audiences/admin/list_intro.html"
    refusals: ClassVar[tuple[type[Exception], ...]] = (NotDone,)  # exceptions with ``problems`` that a verb may raise
    portrait_children: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ()
    intro: ClassVar[str] = ""  # above the list: what this is, in a sentence
    empty_hint: ClassVar[str] = ""  # on an empty list: what to do next

    # --- who changed what --------------------------------------------------------------------------
    def identity(self, row: models.Model) -> Identity:
        """The name under which the object's history stands."""
        return identity(row)

    def portrait(self, row: models.Model) -> Portrait:
        """What the audit log keeps of the object."""
        return portrait(row, self.portrait_children)

    def changed(self, request: HttpRequest, row: models.Model, before: Portrait | None, after: Portrait | None) -> None:
        """Record one save or deletion; apps above add what else a change means."""
        record(row, before, after, by=signed_in(request), now=timezone.now())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stored = self.model._default_manager.get(pk=obj.pk) if change else None
        request._merch_before = self.portrait(stored) if stored else None  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        row = self.model._default_manager.get(pk=form.instance.pk)
        before, after = getattr(request, "_merch_before", None), self.portrait(row)
        if before != after:
            self.changed(request, row, before, after)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic(using=router.db_for_write(self.model)):
            before = self.portrait(obj)
            key = obj.pk
            super().delete_model(request, obj)
            obj.pk = key
            self.changed(request, obj, before, None)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A refused save writes nothing, and every reason is told."""
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except self.refusals as refusal:
            for problem in refusal.problems:  # type: ignore[attr-defined]
                messages.error(request, f"Nothing was saved. {problem.sentence} {problem.hint}")
        except IntegrityError:
            # Two people saved at the same moment what only one of them may.
            messages.error(request, "Nothing was saved: somebody saved something that excludes it just now. Try again.")
        return HttpResponseRedirect(request.get_full_path())

    def get_ordering(self, request: HttpRequest) -> Any:
        """Said even where the model says it: a list that counts something would lose the model's."""
        return self.ordering or self.opts.ordering or ("pk",)

    def get_actions(self, request: HttpRequest) -> Any:
        return {}  # no bulk deletion: each removal is looked at by itself

    # Django's own log would be a second, poorer history of the same changes.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Every revision of the object, newest first, with what changed in words."""
        row = self.get_object(request, object_id)
        if row is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return gone
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        page = self.get_paginator(request, history(self.identity(row)), PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "opts": self.opts,
            "original": row,
            "page": page,
            "revisions": [
                {"row": one, "at": moment(one.at), "changes": in_words(one.before, one.after)} for one in page
            ],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "audiences/admin/history.html", context)

    # --- somebody else saved meanwhile -------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        seen = request.POST.get("_seen", "")
        opened_at = int(seen) if seen.isdigit() and change else None
        return type(form.__name__, (form,), {"seen": opened_at, "identify": staticmethod(self.identity)})

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["show_save_and_add_another"] = False
        if obj is not None:
            context["seen"] = request.POST.get("_seen") or latest_number(self.identity(obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A name that other systems and the history use never changes after creation."""
        fixed = [name for name in self.fixed if obj is not None]
        return [*super().get_readonly_fields(request, obj), *fixed]

    # --- looks -----------------------------------------------------------------------------------------
    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        made = made_field(db_field, kwargs)
        if made is not None:
            return made
        return super().formfield_for_dbfield(db_field, request, **plain_fields(db_field, kwargs))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {"intro": self.intro, "empty_hint": self.empty_hint, **(extra_context or {})}
        return super().changelist_view(request, extra)

    def back_to(self, row: models.Model) -> HttpResponseRedirect:
        """To the object's own page."""
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        )


class ReadOnlyAdmin(MerchAdmin):
    """Pages of what the platform writes: looked at, never edited here."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _Inline:
    """What both kinds of inline share."""

    extra = 0
    show_change_link = False

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        made = made_field(db_field, kwargs)
        if made is not None:
            return made
        return super().formfield_for_dbfield(db_field, request, **plain_fields(db_field, kwargs))  # type: ignore[misc]


class Rows(_Inline, FollowsParent, TabularInline):
    """Parts of an object as rows of a table."""

    hide_title = True


class Cards(_Inline, FollowsParent, StackedInline):
    """Parts of an object, each as a small form."""


class ReadOnlyRows(Rows):
    """Parts that the platform writes."""

    can_delete = False
    max_num = 0

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


__all__ = ["Cards", "MerchAdmin", "ModelForm", "ReadOnlyAdmin", "ReadOnlyRows", "Rows"]
