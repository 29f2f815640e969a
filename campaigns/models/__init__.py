"""Which rows hold what we want to show?"""

from campaigns.models.budgets import Budget
from campaigns.models.campaigns import Campaign, CampaignItem, Domain, ItemArm
from campaigns.models.caps import Cooldown, FrequencyCap, Pressure, Scope
from campaigns.models.catalogue import Mechanic, Offer, OfferVersion, Plan, PlanGroup, Price
from campaigns.models.changes import Approval
from campaigns.models.guards import Guard
from campaigns.models.journeys import Journey, JourneyVersion, Step
from campaigns.models.markets import LegalProfile, Market, WhenUnknown
from campaigns.models.placements import (
    Creative,
    CreativeContent,
    Placement,
    PlacementArm,
    PlacementFormat,
    RankingChoice,
)

__all__ = [
    "Approval",
    "Budget",
    "Campaign",
    "CampaignItem",
    "Cooldown",
    "Creative",
    "CreativeContent",
    "Domain",
    "FrequencyCap",
    "Guard",
    "ItemArm",
    "Journey",
    "JourneyVersion",
    "LegalProfile",
    "Market",
    "Mechanic",
    "Offer",
    "OfferVersion",
    "Placement",
    "PlacementArm",
    "PlacementFormat",
    "Plan",
    "PlanGroup",
    "Pressure",
    "Price",
    "RankingChoice",
    "Scope",
    "Step",
    "WhenUnknown",
]
