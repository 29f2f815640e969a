"""How does a test get rows: dull by default, and explicit about what matters?

``CampaignFactory(live=True)`` says what matters. No random values; nullable fields stay null. A whole campaign that
is ready to launch is ``ready_campaign()`` of tests.factories.whole.
"""

from tests.factories.audiences import (
    AudienceFactory,
    ContextDefinitionFactory,
    EventDefinitionFactory,
    SubjectFactory,
    SuppressionFactory,
    TraitDefinitionFactory,
)
from tests.factories.campaigns import (
    CampaignFactory,
    CampaignItemFactory,
    CooldownFactory,
    CreativeContentFactory,
    CreativeFactory,
    DomainFactory,
    FrequencyCapFactory,
    GuardFactory,
    ItemArmFactory,
    LegalProfileFactory,
    MarketFactory,
    OfferFactory,
    OfferVersionFactory,
    PlacementFactory,
    PlacementFormatFactory,
    PlanFactory,
    PlanGroupFactory,
    PriceFactory,
)
from tests.factories.experiments import (
    AllocationFactory,
    ExperimentFactory,
    HoldoutFactory,
    HoldoutPeriodFactory,
    LayerFactory,
    MetricFactory,
    VariantFactory,
)
from tests.factories.people import UserFactory
from tests.factories.whole import ready_campaign

__all__ = [
    "AllocationFactory",
    "AudienceFactory",
    "CampaignFactory",
    "CampaignItemFactory",
    "ContextDefinitionFactory",
    "CooldownFactory",
    "CreativeContentFactory",
    "CreativeFactory",
    "DomainFactory",
    "EventDefinitionFactory",
    "ExperimentFactory",
    "FrequencyCapFactory",
    "GuardFactory",
    "HoldoutFactory",
    "HoldoutPeriodFactory",
    "ItemArmFactory",
    "LayerFactory",
    "LegalProfileFactory",
    "MarketFactory",
    "MetricFactory",
    "OfferFactory",
    "OfferVersionFactory",
    "PlacementFactory",
    "PlacementFormatFactory",
    "PlanFactory",
    "PlanGroupFactory",
    "PriceFactory",
    "SubjectFactory",
    "SuppressionFactory",
    "TraitDefinitionFactory",
    "UserFactory",
    "VariantFactory",
    "ready_campaign",
]
