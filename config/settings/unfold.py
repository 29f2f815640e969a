"""How does the admin look, and what does its sidebar hold?"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def may_see(model: str) -> Callable[[HttpRequest], bool]:
    """Whether a person sees the entry: as the page itself decides, object permissions included."""

    def allowed(request: HttpRequest) -> bool:
        page = next((page for one, page in admin.site._registry.items() if one._meta.label_lower == model), None)
        return page is not None and page.has_module_permission(request)

    return allowed


def entry(title: str, icon: str, model: str, **more: str) -> dict[str, Any]:
    """One line of the sidebar; ``model`` is its label in small letters."""
    link = reverse_lazy(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may_see(model), **more}


def group(title: str, *items: dict[str, Any], folded: bool = False) -> dict[str, Any]:
    """A headed part of the sidebar."""
    return {"title": title, "items": list(items), "collapsible": folded, "separator": True}


def allowed_to(permission: str) -> Callable[[HttpRequest], bool]:
    """For pages that show no model of their own."""
    return lambda request: request.user.has_perm(permission)


DECISIONS = {
    "title": "Decisions",
    "icon": "troubleshoot",
    "link": reverse_lazy("admin-decisions"),
    "permission": allowed_to("merch.view_decisionrecord"),
}
HOME = {"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")}

# In the order in which a merchandiser thinks: what do we show, to whom, did it work, what is served, how is it set up.
NAVIGATION: list[dict[str, Any]] = [
    {"items": [HOME]},
    group(
        "What we show",
        entry("Campaigns", "campaign", "campaigns.campaign"),
        entry("Approvals", "verified", "campaigns.approval", badge="merch.admin.home.waiting"),
        entry("Journeys", "route", "campaigns.journey"),
        entry("Journey versions", "account_tree", "campaigns.journeyversion"),
        entry("Offers", "sell", "campaigns.offer"),
        entry("Creatives", "palette", "campaigns.creative"),
    ),
    group(
        "To whom",
        entry("Audiences", "groups", "audiences.audience"),
        entry("Subjects", "person_search", "audiences.subject"),
        entry("Suppressions", "notifications_off", "audiences.suppression"),
        entry("Audience runs", "sync", "audiences.audiencerun"),
    ),
    group(
        "Did it work",
        entry("Experiments", "science", "experiments.experiment"),
        entry("Holdouts", "visibility_off", "experiments.holdout"),
        entry("Metrics", "monitoring", "experiments.metric"),
        entry("Layers", "layers", "experiments.layer"),
    ),
    group(
        "What is served",
        DECISIONS,
        entry("Publications", "publish", "merch.publication"),
        entry("Releases", "inventory_2", "merch.release"),
        entry("Kills", "emergency_home", "merch.kill"),
    ),
    group(
        "Catalogue",
        entry("Markets", "public", "campaigns.market"),
        entry("Plan groups", "folder", "campaigns.plangroup"),
        entry("Plans", "card_membership", "campaigns.plan"),
        entry("Prices", "payments", "campaigns.price"),
        entry("Placements", "view_quilt", "campaigns.placement"),
        entry("Formats", "crop_landscape", "campaigns.placementformat"),
        folded=True,
    ),
    group(
        "Rules of the house",
        entry("Guards", "gavel", "campaigns.guard"),
        entry("Shared caps", "speed", "campaigns.frequencycap"),
        entry("Shared cooldowns", "hotel", "campaigns.cooldown"),
        entry("Pressure", "compress", "campaigns.pressure"),
        entry("Budgets", "account_balance_wallet", "campaigns.budget"),
        entry("Domains", "category", "campaigns.domain"),
        entry("Traits", "label", "audiences.traitdefinition"),
        entry("Context values", "travel_explore", "audiences.contextdefinition"),
        entry("Events", "bolt", "audiences.eventdefinition"),
        folded=True,
    ),
    group(
        "People and keys",
        entry("People", "person", "auth.user"),
        entry("Groups", "group", "auth.group"),
        entry("API keys", "vpn_key", "merch.apikey"),
        entry("Audit log", "history", "audiences.revision"),
        folded=True,
    ),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Merch",
    "SITE_HEADER": "Merch",
    "SITE_SUBHEADER": "What each listener sees, and why",
    "SITE_SYMBOL": "campaign",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda request: static("audiences/admin.css")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("audiences/favicon.svg")},
    ],
    "DASHBOARD_CALLBACK": "merch.admin.home.home",
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": NAVIGATION},
    "COMMAND": {"search_models": True, "show_history": True},
}
