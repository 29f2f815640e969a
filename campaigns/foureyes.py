"""Who may not sign this off?"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Q

from audiences.models import Revision
from campaigns.models import Approval, JourneyVersion, OfferVersion
from campaigns.problems import Problem

# Everything else that people do to a campaign's closure changes what would be approved.
_NOT_EDITS = frozenset({"approved", "refused", "withdrawn", "voided", "launched", "paused", "resumed", "ended"})


def objections(approval: Approval, by: User) -> list[Problem]:
    """Why ``by`` may not decide on this request; empty: they may. Superusers are people too."""
    if by.pk == approval.requested_by_id:
        return [
            Problem(
                "approval.requester",
                "You asked for this approval yourself.",
                "Ask another person to decide, or withdraw the request.",
            )
        ]
    if touched(approval, by):
        return [
            Problem(
                "approval.editor",
                "You edited this campaign, or something that it shows, since it was last approved.",
                "Ask a person who did not edit it.",
            )
        ]
    return []


def journey_objections(version: JourneyVersion, by: User) -> list[Problem]:
    """The same for a version of a journey: its columns, its steps, and the audiences that its rules lean on."""
    if by.pk == version.requested_by_id:
        return [
            Problem(
                "approval.requester",
                "You asked for this approval yourself.",
                "Ask another person to decide, or withdraw the request.",
            )
        ]
    own = Q(object_type="journey", object_key=version.journey.key)
    since = Revision.objects.filter(own, verb="published").values_list("number", flat=True).first() or 0
    audiences = list(_mapping((version.content or {}).get("version")).get("audiences") or ())  # type: ignore[call-overload]
    named = own | Q(object_type="audience", object_key__in=audiences)
    if _edited(named, since, by):
        return [
            Problem(
                "approval.editor",
                "You edited this journey, or an audience of it, since its last version was published.",
                "Ask a person who did not edit it.",
            )
        ]
    return []


def touched(approval: Approval, by: User) -> bool:
    """Whether ``by`` edited anything of the content since the campaign was last approved."""
    own = Revision.objects.filter(object_type="campaign", object_key=approval.content["key"])
    since = own.filter(verb="approved").values_list("number", flat=True).first() or 0
    named = Q(pk__in=[])
    for object_type, keys in closure(approval.content).items():
        named |= Q(object_type=object_type, object_key__in=keys)
    return _edited(named, since, by)


def _edited(named: Q, since: int, by: User) -> bool:
    return Revision.objects.filter(named, number__gt=since, actor=by).exclude(verb__in=_NOT_EDITS).exists()


def closure(content: dict[str, object]) -> dict[str, list[str]]:
    """The names, by object type, under which edits of the content stand in the history."""
    documents = {name: _documents(content.get(name)) for name in ("offers", "creatives", "items")}
    offers = [str(offer["key"]) for offer in documents["offers"]]
    versions = OfferVersion.objects.filter(offer__key__in=offers).values_list("pk", flat=True)
    return {
        "campaign": [str(content["key"])],
        "offer": offers,
        "offerversion": [str(pk) for pk in versions],
        "creative": [str(creative["key"]) for creative in documents["creatives"]],
        "audience": list(_mapping(content.get("audiences"))),
        "experiment": [str(item["experiment"]) for item in documents["items"] if item.get("experiment")],
    }


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _documents(value: object) -> list[dict[str, object]]:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [member for member in members if isinstance(member, dict)]
