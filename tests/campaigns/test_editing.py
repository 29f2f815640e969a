"""Does every edit leave its line in the history, under the name where people look for it?"""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import ProtectedError

from audiences.models import Revision, TraitDefinition
from campaigns import operations, records
from campaigns.models import Creative, Market
from tests.factories import (
    AudienceFactory,
    CampaignFactory,
    CampaignItemFactory,
    CreativeContentFactory,
    ExperimentFactory,
    FrequencyCapFactory,
    GuardFactory,
    ItemArmFactory,
    LegalProfileFactory,
    MarketFactory,
    OfferFactory,
    OfferVersionFactory,
    PlacementFactory,
    PlanFactory,
    PriceFactory,
    VariantFactory,
    ready_campaign,
)


def pk(row: models.Model) -> str:
    return str(row.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "object_type", "key", "part"),
    [
        (lambda: CampaignFactory(key="first"), "campaign", "first", None),
        (lambda: CampaignItemFactory(campaign__key="first", key="hero"), "campaign", "first", "item hero"),
        (lambda: FrequencyCapFactory(campaign__key="first"), "campaign", "first", "cap 3 impression per CAMPAIGN"),
        (lambda: FrequencyCapFactory(shared=True), "frequencycap", pk, None),
        (lambda: CreativeContentFactory(creative__key="spring"), "creative", "spring", "locale sv-SE"),
        (lambda: LegalProfileFactory(), "market", "SE", "ages 0 to 200"),
        (lambda: OfferFactory(key="trial"), "offer", "trial", None),
        (lambda: OfferVersionFactory(), "offerversion", pk, None),
        (lambda: PriceFactory(), "price", pk, None),
        (lambda: PlanFactory(), "plan", "premium", None),
        (lambda: PlacementFactory(), "placement", "home-hero", None),
        (lambda: GuardFactory(key="minors"), "guard", "minors", None),
        (lambda: AudienceFactory(slug="free"), "audience", "free", None),
        (lambda: TraitDefinition.objects.get(name="plan"), "traitdefinition", "plan", None),
        (lambda: ExperimentFactory(key="copy"), "experiment", "copy", None),
    ],
)
def test_each_row_has_its_name_in_the_history(
    make: Any, object_type: str, key: Any, part: str | None, author: User, now: datetime
) -> None:
    row = make()

    operations.edited(row, None, by=author, now=now, why="Because.")

    revision = Revision.objects.get()
    assert (revision.object_type, revision.object_key) == (object_type, key if isinstance(key, str) else key(row))
    assert (revision.verb, revision.actor, revision.why, revision.before) == ("created", author, "Because.", None)
    assert revision.after is not None
    assert revision.after.get("part") == part


@pytest.mark.django_db
def test_an_arm_stands_in_the_history_of_its_campaign(author: User, now: datetime) -> None:
    arm = ItemArmFactory(item__campaign__key="first", item__key="hero", variant=VariantFactory(key="b"), empty=True)

    operations.edited(arm, None, by=author, now=now)

    revision = Revision.objects.get()
    assert (revision.object_type, revision.object_key) == ("campaign", "first")
    assert revision.after is not None
    assert revision.after["part"] == "arm b of item hero"


@pytest.mark.django_db
def test_an_edit_keeps_before_and_after(author: User, now: datetime) -> None:
    campaign = CampaignFactory()
    before = records.values(campaign)
    campaign.priority = 70
    campaign.save()
    campaign.markets.add(MarketFactory())

    operations.edited(campaign, before, by=author, now=now)

    revision = Revision.objects.get()
    assert revision.before is not None
    assert revision.after is not None
    changed = {name for name in revision.after if revision.after[name] != revision.before[name]}
    assert changed == {"priority", "markets"}


@pytest.mark.django_db
def test_a_save_without_a_change_leaves_no_line(author: User, now: datetime) -> None:
    creative = Creative.objects.get(pk=CreativeContentFactory().creative.pk)

    operations.edited(creative, records.values(creative), by=author, now=now)

    assert not Revision.objects.exists()


@pytest.mark.django_db
def test_whoever_draws_their_own_pictures_gives_both(author: User, now: datetime) -> None:
    operations.edited(MarketFactory(), {"rows": [1]}, by=author, now=now, after={"rows": [1, 2]})

    assert Revision.objects.get().after == {"rows": [1, 2]}


@pytest.mark.django_db
def test_a_removal_is_written_down_and_what_is_needed_stays(author: User, now: datetime) -> None:
    campaign = ready_campaign(key="first")

    operations.remove(campaign.items.get(), by=author, now=now)

    revision = Revision.objects.get()
    assert (revision.verb, revision.object_key, revision.after) == ("removed", "first", None)
    with pytest.raises(ProtectedError), transaction.atomic():
        operations.remove(Market.objects.get(), by=author, now=now)
    assert Revision.objects.count() == 1


@pytest.mark.django_db
def test_the_platform_itself_may_edit(now: datetime) -> None:
    operations.edited(MarketFactory(), None, by=None, now=now)

    assert Revision.objects.get().actor_name == "merch"


@pytest.mark.django_db
def test_an_edit_costs_few_queries_however_many_campaigns_wait(
    author: User, now: datetime, django_assert_max_num_queries: Any
) -> None:
    for _ in range(6):
        operations.submit(ready_campaign(), by=author, now=now)

    with django_assert_max_num_queries(20):
        operations.edited(GuardFactory(), None, by=author, now=now)
