"""Who changed what, in the whole platform?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from audiences.admin.base import ReadOnlyAdmin
from audiences.admin.revising import in_words
from audiences.admin.showing import code, moment, panel
from audiences.models import Revision


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    list_display = ("number", "when", "who", "verb", "what", "changed_fields")
    list_display_links = ("number",)
    list_filter = ("object_type", "verb", ("at", RangeDateTimeFilter))
    search_fields = ("object_key", "actor_name", "why")
    search_help_text = "A key, a person, or words of the reason."
    ordering = ("-number",)
    intro = "Every change to what decides, who made it and why. Rows are only ever added, by anybody."
    fieldsets = (
        (None, {"fields": ("number", "when", "who", "verb", "about", "why")}),
        ("What changed", {"fields": ("changes",)}),
        ("As recorded", {"classes": ("collapse",), "fields": ("shown_before", "shown_after")}),
    )
    readonly_fields = ("when", "who", "about", "changes", "shown_before", "shown_after")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["show_history"] = False  # a line of history has none
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: object = None) -> object:  # type: ignore[override]
        return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)

    @display(description="When", ordering="at")
    def when(self, obj: Revision) -> str:
        return moment(obj.at)

    @display(description="Who", ordering="actor_name")
    def who(self, obj: Revision) -> str:
        return obj.actor_name

    @display(description="What", header=True, ordering="object_type")
    def what(self, obj: Revision) -> list[str]:
        return [obj.object_key, obj.object_type]

    @display(description="What")
    def about(self, obj: Revision) -> str:
        return f"{obj.object_type} {obj.object_key}"

    @display(description="Fields")
    def changed_fields(self, obj: Revision) -> str:
        names = [path for path, *_ in in_words(obj.before, obj.after)]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        return ", ".join(names[:4]) + more

    @panel("In words")
    def changes(self, obj: Revision) -> str:
        rows = in_words(obj.before, obj.after)
        return render_to_string("audiences/admin/changes.html", {"changes": rows}) if rows else "No field differs."

    @display(description="Before")
    def shown_before(self, obj: Revision) -> str:
        return code(obj.before) if obj.before else "Nothing."

    @display(description="After")
    def shown_after(self, obj: Revision) -> str:
        return code(obj.after) if obj.after else "Nothing."
