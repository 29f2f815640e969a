"""Which rows hold what is served, who may call, and what was decided?"""

from merch.models.backfills import BackfillRun
from merch.models.decisions import DecisionRecord
from merch.models.journeys import JourneyRebuild
from merch.models.keys import ApiKey
from merch.models.releases import Kill, Publication, PublicationHold, PulseHead, PulsePart, Release

__all__ = [
    "ApiKey",
    "BackfillRun",
    "DecisionRecord",
    "JourneyRebuild",
    "Kill",
    "Publication",
    "PublicationHold",
    "PulseHead",
    "PulsePart",
    "Release",
]
