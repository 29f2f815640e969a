"""How do people see and edit what we want to show?"""

from campaigns.admin import (
    approvals,
    campaigns,
    creatives,
    guards,
    journeys,
    lower,
    markets,
    offers,
    placements,
    prices,
    shared_caps,
)

__all__ = [
    "approvals",
    "campaigns",
    "creatives",
    "guards",
    "journeys",
    "lower",
    "markets",
    "offers",
    "placements",
    "prices",
    "shared_caps",
]
