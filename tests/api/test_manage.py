"""Does a manage key read what its person may see, and nothing else?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from guardian.shortcuts import assign_perm
from psycopg.types.range import TimestamptzRange

from merch.keys import Scope
from merch.models import Publication, Release
from tests.api.conftest import MakeKey
from tests.factories import (
    AudienceFactory,
    CampaignFactory,
    ExperimentFactory,
    OfferVersionFactory,
    PlacementFactory,
    PlanFactory,
    PriceFactory,
    UserFactory,
    VariantFactory,
    ready_campaign,
)

pytestmark = pytest.mark.django_db
LISTS = ("plans", "prices", "offers", "placements", "campaigns", "audiences", "experiments", "releases")


class Tool:
    """A person's own tool, with a manage key."""

    def __init__(self, client: Client, person: User, key: str) -> None:
        self.client, self.person, self.key = client, person, key

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/v1/manage/{path}", query, headers={"Authorization": f"Bearer {self.key}"})

    def keys(self, path: str, **query: Any) -> list[Any]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.content
        return [next(iter(row.values())) for row in answer.json()["results"]]

    def may_view(self, *models: str) -> None:
        self.person.user_permissions.add(*Permission.objects.filter(codename__in=[f"view_{name}" for name in models]))


@pytest.fixture
def tool(caller: Client, make_key: MakeKey) -> Tool:
    person = UserFactory()
    return Tool(caller, person, make_key(Scope.MANAGE, person=person.pk))


@pytest.fixture
def all_seeing(caller: Client, make_key: MakeKey) -> Tool:
    person = UserFactory(is_superuser=True)
    return Tool(caller, person, make_key(Scope.MANAGE, person=person.pk))


@pytest.fixture
def one_of_each() -> None:
    ready_campaign()
    VariantFactory(experiment=ExperimentFactory())
    AudienceFactory()
    release = Release.objects.create(digest="sha256:" + "a" * 64, document=b"", revision=1, built_at=timezone.now(),
                                     size=1, campaigns=1, candidates=1)  # fmt: skip
    Publication.objects.create(release=release, revision=1, at=timezone.now())


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.usefixtures("one_of_each")
def test_each_list_and_row_is_read(all_seeing: Tool, name: str) -> None:
    listed = all_seeing.get(name).json()
    key = next(iter(listed["results"][0].values()))

    assert listed["count"] >= 1
    assert all_seeing.get(f"{name}/{key}").json() == listed["results"][0]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.usefixtures("one_of_each")
def test_without_a_permission_there_is_nothing(tool: Tool, all_seeing: Tool, name: str) -> None:
    (key, *_) = all_seeing.keys(name)

    assert tool.get(name).json()["count"] == 0
    assert tool.get(f"{name}/{key}").status_code == 404


def test_an_object_permission_shows_that_object_only(tool: Tool) -> None:
    seen, hidden = CampaignFactory(key="seen"), CampaignFactory(key="hidden", name="canary")
    assign_perm("campaigns.view_campaign", tool.person, seen)

    assert tool.keys("campaigns") == ["seen"]
    assert tool.get("campaigns/seen").status_code == 200
    missing, never = tool.get(f"campaigns/{hidden.key}"), tool.get("campaigns/never")
    assert missing.status_code == never.status_code == 404
    assert missing.content == never.content
    assert tool.get("campaigns", state="DRAFT").json()["count"] == 1


def test_a_permission_on_the_model_shows_all(tool: Tool) -> None:
    CampaignFactory(key="a")
    CampaignFactory(key="b")
    tool.may_view("campaign")

    assert tool.keys("campaigns") == ["a", "b"]


def test_a_person_who_left_reads_nothing(tool: Tool) -> None:
    tool.person.is_active = False
    tool.person.save()

    assert (tool.get("plans").status_code, tool.get("plans").json()["code"]) == (401, "inactive_person")


@pytest.mark.parametrize("scope", [Scope.CLIENT, Scope.SERVER])
def test_other_keys_do_not_manage(caller: Client, make_key: MakeKey, scope: Scope) -> None:
    tool = Tool(caller, User(), make_key(scope))

    assert [tool.get(name).status_code for name in LISTS] == [403] * len(LISTS)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written(all_seeing: Tool, name: str, method: str) -> None:
    answer = getattr(all_seeing.client, method)(
        f"/v1/manage/{name}",
        "{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {all_seeing.key}"},
    )

    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"


def test_lists_are_narrowed(all_seeing: Tool) -> None:
    live, draft = CampaignFactory(key="live", live=True), CampaignFactory(key="draft")
    live.markets.add(PriceFactory().market)

    assert all_seeing.keys("campaigns", state="LIVE") == ["live"]
    assert all_seeing.keys("campaigns", market=live.markets.get().code) == ["live"]
    assert all_seeing.keys("campaigns", tier=draft.tier, state="DRAFT") == ["draft"]
    assert all_seeing.keys("campaigns", market="nowhere") == []
    assert all_seeing.keys("campaigns", updated_since="4229-08-02T03:27:03.7-19:39") == []
    assert all_seeing.keys("campaigns", updated_since=(timezone.now() + timedelta(days=1)).isoformat()) == []


def test_prices_are_asked_as_of_a_moment(all_seeing: Tool) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    price = PriceFactory(effective=TimestamptzRange(start, None))
    inside, before = start, start - timedelta(seconds=1)

    assert all_seeing.keys("prices", plan=price.plan.key, at=inside.isoformat()) == [price.pk]
    assert all_seeing.keys("prices", plan=price.plan.key, at=before.isoformat()) == []


@pytest.mark.parametrize(
    "query",
    [
        {"nonsense": "1"},
        {"name": "x"},
        {"key__startswith": "a"},
        {"domain__campaigns__key": "a"},
        {"ordering": "state"},
        {"o": "-pk"},
        {"__proto__": "1"},
        {"a\x00b": "1"},
        {"state": "NOPE"},
        {"state": "' OR 1=1 --"},
        {"domain": "a\x00b"},
        {"domain": "x" * 101},
        {"updated_since": "yesterday"},
        {"updated_since": "99999-01-01T00:00:00Z"},
        {"updated_since": "0001-01-01T00:00:00+12:00"},
        {"page": "0"},
        {"page": "-1"},
        {"page": "last"},
        {"page": "\u0661"},
        {"page": "1e3"},
        {"page_size": "0"},
        {"page_size": "201"},
        {"page_size": "1000000000"},
        {"page_size": "9" * 5000},
        {"format": "api"},
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(all_seeing: Tool, query: dict[str, str]) -> None:
    answer = all_seeing.get("campaigns", **query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(query))


@pytest.mark.parametrize("key", ["a%00b", "..", "A", "a'b", "%F0%9F%A6%84", "x" * 101, "__class__", "a/b"])
def test_a_strange_key_is_a_404(all_seeing: Tool, key: str) -> None:
    answer = all_seeing.get(f"campaigns/{key}")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_pages_follow_one_another(all_seeing: Tool) -> None:
    for number in range(5):
        PlanFactory(key=f"plan-{number}")

    first = all_seeing.get("plans", page_size=2).json()
    third = all_seeing.get("plans", page_size=2, page=3).json()

    assert (first["count"], len(first["results"]), first["previous"]) == (5, 2, None)
    assert [row["key"] for row in third["results"]] == ["plan-4"]
    assert (third["next"], all_seeing.get("plans", page_size=2, page=4).status_code) == (None, 404)


def test_the_number_of_queries_does_not_grow(all_seeing: Tool, django_assert_max_num_queries: Any) -> None:
    for number in range(10):
        ready_campaign(key=f"campaign-{number}")
        OfferVersionFactory()
        PlacementFactory(slug=f"placement-{number}")

    for name in ("campaigns", "offers", "placements"):
        with django_assert_max_num_queries(12):
            assert len(all_seeing.keys(name)) >= 10
