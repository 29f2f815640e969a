"""How does the admin look, and what does its sidebar hold?"""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Merch",
    "SITE_HEADER": "Merch",
    "SITE_SUBHEADER": "What each listener sees, and why",
    "SITE_SYMBOL": "campaign",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "SIDEBAR": {"show_search": True, "show_all_applications": True},
    "COMMAND": {"search_models": True, "show_history": True},
}
