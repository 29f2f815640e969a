"""What do the catalogues say that a batch of events must be read by? (Asked only for what the batch holds.)"""

from __future__ import annotations

from django.utils.functional import cached_property
from msgspec import Struct

from audiences.models import EventDefinition
from audiences.rules import Type, ValueType
from campaigns.models import Offer, PlacementFormat, Plan
from experiments.models import Experiment
from merch.intake.listening import Listening


class Declared(Struct, frozen=True):
    """One declared event: its fields, and what may be done with it."""

    fields: dict[str, ValueType]
    in_history: bool
    from_clients: bool
    money: bool


class Test(Struct, frozen=True):
    """A running or past experiment, as an exposure event may name it: propensity by arm, None where undeclared."""

    version: int
    arms: dict[str, float | None]


class Sold(Struct, frozen=True):
    """What an offer is on, and how; the plan is empty for a reward."""

    plan: str = ""
    mechanic: str = ""


class Book:
    """The catalogues during one batch; at most seven queries, whatever the batch."""

    @cached_property
    def listening(self) -> Listening:
        return Listening.now()

    @cached_property
    def events(self) -> dict[str, Declared]:
        return {
            each.name: Declared(
                {name: ValueType(Type(of)) for name, of in each.fields.items()},
                each.in_history,
                each.from_clients,
                each.money,
            )
            for each in EventDefinition.objects.all()
        }

    @cached_property
    def groups(self) -> dict[str, str]:
        """Plan group by plan."""
        return dict(Plan.objects.values_list("key", "group__key"))

    @cached_property
    def offers(self) -> dict[str, Sold]:
        """By key, without the version."""
        rows = Offer.objects.values_list("key", "plan__key", "mechanic")
        return {key: Sold(plan or "", mechanic) for key, plan, mechanic in rows}

    @cached_property
    def interrupting(self) -> frozenset[str]:
        """Formats that cost something to be shown."""
        return frozenset(PlacementFormat.objects.filter(interruption_cost__gt=0).values_list("key", flat=True))

    @cached_property
    def tests(self) -> dict[str, Test]:
        found: dict[str, Test] = {}
        rows = Experiment.objects.values_list("key", "version", "variants__key", "variants__propensity")
        for key, version, arm, propensity in rows:
            test = found.setdefault(key, Test(version, {}))
            if arm is not None:
                test.arms[arm] = propensity
        return found
