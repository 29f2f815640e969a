"""Do rules get every declared name with its type?"""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from audiences.catalogue import vocabulary
from audiences.rules import TraitType, Type, ValueType
from tests.factories import AudienceFactory, ContextDefinitionFactory, EventDefinitionFactory, TraitDefinitionFactory

pytestmark = pytest.mark.django_db


def test_a_vocabulary_holds_what_is_declared(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    TraitDefinitionFactory(
        name="spend", type="decimal", decimal_places=3, values=[], tolerated_age=timedelta(days=2), when_stale="keep"
    )
    EventDefinitionFactory(name="listen", fields={"minutes": "int"}, in_history=True)
    ContextDefinitionFactory(name="app_version", type="version")
    rule = AudienceFactory(slug="free")
    AudienceFactory(slug="vips", listed=True)
    AudienceFactory(slug="old", put_away=True)

    with django_assert_num_queries(4):
        known = vocabulary(keys={"offer": frozenset({"trial"})})

    spend = TraitType(Type.DECIMAL, scale=3, tolerance=2 * 86_400_000_000, when_stale="keep")
    assert known.traits["spend"] == spend
    assert known.contexts["app_version"] == ValueType(Type.VERSION)
    assert (known.events["listen"].fields, known.events["listen"].in_history) == (
        {"minutes": ValueType(Type.INT)},
        True,
    )
    assert {slug: known.audiences[slug] for slug in ("free", "vips")} == {"free": rule.rule, "vips": None}
    assert "old" in known.audiences, "what names it goes on working"
    assert known.keys == {"offer": frozenset({"trial"})}


def test_a_closed_list_of_values_is_known() -> None:
    TraitDefinitionFactory(name="mood", values=["calm", "loud"])

    assert vocabulary().traits["mood"].values == {"calm", "loud"}
