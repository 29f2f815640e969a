"""Which messages are decided before which others?"""

from enum import StrEnum


class Tier(StrEnum):
    """Why we speak to a subject. Members stand in the order in which they are decided."""

    __hash__ = str.__hash__  # decisions look tiers up all the time, and an Enum's own hash is slow

    LEGAL = "LEGAL"
    SERVICE = "SERVICE"
    LIFECYCLE = "LIFECYCLE"
    COMMERCIAL = "COMMERCIAL"
    HOUSE = "HOUSE"


DECISION_ORDER: tuple[Tier, ...] = tuple(Tier)
RANK: dict[Tier, int] = {tier: rank for rank, tier in enumerate(DECISION_ORDER)}
