"""Where do the demo's own files stand, and what do they say?"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns import importing

HERE = Path(__file__).parent
RISE = timedelta(days=45)
PLAN = "individual"
RISEN = {"SE": "129.00", "GB": "12.99"}


def catalogue(now: datetime) -> dict[str, Any]:
    """The catalogue with all its creatives, and prices that rise on a first of the month some weeks ahead."""
    found: dict[str, Any] = importing.document_of(HERE / "catalogue.yaml")
    found |= importing.document_of(HERE / "creatives.yaml")
    day = first_of_month_after(now + RISE)
    found["prices"] += [{"plan": PLAN, "market": code, "amount": to, "from": day} for code, to in RISEN.items()]
    return found


def campaigns() -> dict[str, Any]:
    """Campaigns and shared caps as merch/demo/campaigns.yaml tells them."""
    found: dict[str, Any] = importing.document_of(HERE / "campaigns.yaml")
    return found


def first_of_month_after(moment: datetime) -> str:
    """2027-03-01 after any moment of February."""
    year, month = divmod(moment.year * 12 + moment.month, 12)
    return f"{year}-{month + 1:02d}-01"
