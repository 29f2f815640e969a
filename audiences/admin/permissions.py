"""Which rows may this person see and change? (Model permissions, or django-guardian's for single objects.)"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.fields.related import RelatedField
from django.http import HttpRequest
from guardian.shortcuts import get_objects_for_user

SEEING = ("view", "change")


def signed_in(request: HttpRequest) -> User:
    """Who it is; admin pages have nobody else."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


def holds(request: HttpRequest, model: type[models.Model], verb: str, obj: models.Model | None = None) -> bool:
    """Whether the person has ``verb`` on every row of the model, or on ``obj``, or (obj None) on any row at all."""
    user = request.user
    if not user.is_active:
        return False
    name = f"{model._meta.app_label}.{get_permission_codename(verb, model._meta)}"
    if user.has_perm(name):
        return True
    if obj is not None:
        return user.has_perm(name, obj)
    return name in _granted_somewhere(request)


def sees_all(request: HttpRequest, model: type[models.Model]) -> bool:
    """Whether one permission opens every row of the model."""
    label = model._meta.app_label
    return any(request.user.has_perm(f"{label}.{get_permission_codename(verb, model._meta)}") for verb in SEEING)


def _granted_somewhere(request: HttpRequest) -> frozenset[str]:
    """Names of permissions the person holds on at least one object; one query per request."""
    known: frozenset[str] | None = getattr(request, "_merch_object_permissions", None)
    if known is None:
        user = signed_in(request)
        own = Permission.objects.filter(userobjectpermission__user=user)
        groups = Permission.objects.filter(groupobjectpermission__group__user=user)
        rows = own.union(groups).values_list("content_type_id", "codename")
        labels = {row.pk: row.app_label for row in ContentType.objects.all()} if rows else {}
        known = frozenset(f"{labels[type_id]}.{codename}" for type_id, codename in rows)
        request._merch_object_permissions = known  # type: ignore[attr-defined]
    return known


def visible(request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """The rows of ``queryset`` that the person may see."""
    model = queryset.model
    if sees_all(request, model):
        return queryset
    if not any(holds(request, model, verb) for verb in SEEING):
        return queryset.none()
    names = [get_permission_codename(verb, model._meta) for verb in SEEING]
    objects: models.QuerySet[Any] = get_objects_for_user(signed_in(request), names, queryset, any_perm=True)
    return objects


class ObjectPermissions(admin.ModelAdmin[Any]):
    """Enforces object permissions everywhere a page reaches rows: lists, forms, choices, autocompletes, actions.

    guardian's own admin class only edits such permissions; Django's asks for the model-wide ones alone.
    """

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return visible(request, super().get_queryset(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return any(holds(request, self.model, verb) for verb in ("view", "change", "add", "delete"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(holds(request, self.model, verb, obj) for verb in SEEING)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return holds(request, self.model, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return holds(request, self.model, "delete", obj)

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField[Any, Any], request: HttpRequest
    ) -> models.QuerySet[Any] | None:
        """What a choice field may offer and accept: only rows that the person may see."""
        return choices(self.admin_site, db_field, request, super().get_field_queryset(db, db_field, request))


def choices(
    site: admin.AdminSite,
    db_field: RelatedField[Any, Any],
    request: HttpRequest,
    found: models.QuerySet[Any] | None,
) -> models.QuerySet[Any] | None:
    """``found``, or all rows that the field may name, without those hidden from the person."""
    model: Any = db_field.related_model
    try:
        related = site.get_model_admin(model)
    except NotRegistered:
        return found
    queryset = found if found is not None else model._default_manager.all()
    return visible(request, queryset) if isinstance(related, ObjectPermissions) else queryset


class FollowsParent(admin.options.InlineModelAdmin[Any, Any]):
    """An inline's rows are part of their parent: who may change the parent may change them."""

    page_model: ClassVar[type[models.Model] | None] = None  # of an inline inside an inline: whose page it stands on

    def _parent(self) -> admin.ModelAdmin[Any]:
        return self.admin_site.get_model_admin(self.page_model or self.parent_model)

    def whole(self, obj: Any) -> Any:
        """The object of the page; an inline inside an inline is sometimes asked about its own parent row."""
        return obj

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._parent().has_view_permission(request, self.whole(obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        parent, whole = self._parent(), self.whole(obj)
        return parent.has_change_permission(request, whole) if whole else parent.has_add_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        # Not Django's: that one asks for model-wide permissions and would show an empty inline.
        rows: models.QuerySet[Any] = self.model._default_manager.get_queryset()
        return rows

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField[Any, Any], request: HttpRequest
    ) -> models.QuerySet[Any] | None:
        return choices(self.admin_site, db_field, request, super().get_field_queryset(db, db_field, request))
