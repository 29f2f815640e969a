"""Who may sign in, and what may they do?"""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audiences.admin.base import MerchAdmin
from audiences.admin.showing import moment

admin.site.unregister([User, Group])
admin.site.unregister([AccessAttempt, AccessFailureLog, AccessLog])  # the throttle's own tables: nothing to edit


@admin.register(User)
class PersonAdmin(DjangoUserAdmin, MerchAdmin):  # type: ignore[type-arg,misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("heading", "email", "in_groups", "is_staff", "is_superuser", "last_seen")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    intro = "People who sign in here. Give rights through groups; a person needs “staff status” to see this site."
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who it is", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.prefetch_related("groups")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Otherwise whoever may edit people could take over a superuser.
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        # Nobody grants rights that they do not hold themselves.
        return fields if request.user.is_superuser else [*fields, "is_superuser", "groups", "user_permissions"]

    @display(description="Person", header=True, ordering="username")
    def heading(self, obj: User) -> list[str]:
        return [obj.get_full_name() or obj.username, obj.username]

    @display(description="Groups")
    def in_groups(self, obj: User) -> str:
        return ", ".join(group.name for group in obj.groups.all())

    @display(description="Last signed in", ordering="last_login")
    def last_seen(self, obj: User) -> str:
        return moment(obj.last_login) if obj.last_login else "never"


@admin.register(Group)
class TeamAdmin(DjangoGroupAdmin, MerchAdmin):
    list_display = ("name", "people")
    search_fields = ("name",)
    filter_horizontal = ()
    autocomplete_fields = ()
    intro = "Roles and teams: a group holds rights, people are in groups."
    empty_hint = (
        "Add a group per role, e.g. Editors (add and change campaigns) and Approvers (approve campaigns of others)."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.annotate(member_count=Count("user"))

    @display(description="People", ordering="member_count")
    def people(self, obj: Any) -> int:
        return int(obj.member_count)
