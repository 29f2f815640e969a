"""Which rows hold what we know about people?"""

from audiences.models.audiences import SLUG, Audience, ListMember
from audiences.models.definitions import (
    NAME,
    ContextDefinition,
    EventDefinition,
    Sensitivity,
    TraitDefinition,
    ValueType,
    WhenStale,
)
from audiences.models.events import Event, EventConflict, EventKind, MoneyEvent, QuarantinedEvent
from audiences.models.revisions import Revision
from audiences.models.runs import AudienceCount, AudienceRun, BehaviourBits, BehaviourLeaf, RunShard
from audiences.models.subjects import DirtySubject, Grant, ServingEpoch, Subject, SubjectKind, Suppression

__all__ = [
    "NAME",
    "SLUG",
    "Audience",
    "AudienceCount",
    "AudienceRun",
    "BehaviourBits",
    "BehaviourLeaf",
    "ContextDefinition",
    "DirtySubject",
    "Event",
    "EventConflict",
    "EventDefinition",
    "EventKind",
    "Grant",
    "ListMember",
    "MoneyEvent",
    "QuarantinedEvent",
    "Revision",
    "RunShard",
    "Sensitivity",
    "ServingEpoch",
    "Subject",
    "SubjectKind",
    "Suppression",
    "TraitDefinition",
    "ValueType",
    "WhenStale",
]
