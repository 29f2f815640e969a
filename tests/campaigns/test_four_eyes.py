"""Is there any way around the second person?"""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.contrib.auth.models import User

from audiences.models import Audience
from campaigns import operations, records
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign, CampaignItem, Creative, Offer
from campaigns.problems import Refused
from tests.factories import (
    AudienceFactory,
    CampaignItemFactory,
    CreativeContentFactory,
    CreativeFactory,
    ExperimentFactory,
    FrequencyCapFactory,
    GuardFactory,
    ItemArmFactory,
    MarketFactory,
    OfferFactory,
    PlacementFactory,
    TraitDefinitionFactory,
    UserFactory,
    ready_campaign,
)

Edit = Callable[[Campaign, User, datetime], None]
RULE = {"v": 1, "rule": {"audience": "inner", "op": "in"}}


@pytest.fixture
def campaign(db: None) -> Campaign:
    """With an audience inside an audience, and an experiment."""
    AudienceFactory(slug="inner")
    AudienceFactory(slug="outer", rule=RULE)
    TraitDefinitionFactory(name="genre", contextual=True)
    experiment = ExperimentFactory(key="copy", two_arms=True)
    campaign = ready_campaign(key="first", rule={"v": 1, "rule": {"audience": "outer", "op": "in"}})
    item = campaign.items.get()
    item.experiment = experiment
    item.save()
    ItemArmFactory(item=item, variant=experiment.variants.get(key="b"), empty=True)
    FrequencyCapFactory(campaign=campaign)
    return campaign


def change(instance: object, by: User, now: datetime, **values: object) -> None:
    """What every form does: save, then tell."""
    before = records.values(instance)  # type: ignore[arg-type]
    for name, value in values.items():
        setattr(instance, name, value)
    instance.save()  # type: ignore[attr-defined]
    operations.edited(instance, before, by=by, now=now)  # type: ignore[arg-type]


def other_market(campaign: Campaign, by: User, now: datetime) -> None:
    before = records.values(campaign)
    campaign.markets.add(MarketFactory(code="NO"))
    operations.edited(campaign, before, by=by, now=now)


def new_item(campaign: Campaign, by: User, now: datetime) -> None:
    operations.edited(CampaignItemFactory(campaign=campaign), None, by=by, now=now)


def new_terms(campaign: Campaign, by: User, now: datetime) -> None:
    version = operations.new_version(Offer.objects.get(), by=by, now=now)
    change(version, by, now, terms={"free_period": "P90D"})
    operations.publish_version(version, by=by, now=now)


def new_locale(campaign: Campaign, by: User, now: datetime) -> None:
    operations.edited(CreativeContentFactory(creative=Creative.objects.get(), locale="fi"), None, by=by, now=now)


def other_placement(campaign: Campaign, by: User, now: datetime) -> None:
    change(campaign.items.get(), by, now, placement=PlacementFactory(slug="home-shelf"))


WALL = datetime(2026, 6, 30)  # noqa: DTZ001 - a wall time

EDITS: dict[str, Edit] = {
    "priority": lambda campaign, by, now: change(campaign, by, now, priority=99),
    "tier": lambda campaign, by, now: change(campaign, by, now, tier="LIFECYCLE"),
    "rule": lambda campaign, by, now: change(campaign, by, now, rule={}),
    "start": lambda campaign, by, now: change(campaign, by, now, starts=WALL),
    "end": lambda campaign, by, now: change(campaign, by, now, ends=WALL),
    "zone": lambda campaign, by, now: change(campaign, by, now, time_zone="UTC"),
    "market": other_market,
    "cap": lambda campaign, by, now: change(campaign.caps.get(), by, now, limit=4),
    "cap-removed": lambda campaign, by, now: operations.remove(campaign.caps.get(), by=by, now=now),
    "item-added": new_item,
    "item-placement": other_placement,
    "item-weight": lambda campaign, by, now: change(campaign.items.get(), by, now, weight=5),
    "item-offer": lambda campaign, by, now: change(campaign.items.get(), by, now, offer=OfferFactory(published=True)),
    "item-creative": lambda campaign, by, now: change(
        campaign.items.get(), by, now, creative=CreativeFactory(swedish=True)
    ),
    "arm": lambda campaign, by, now: change(
        campaign.items.get().arms.get(), by, now, nothing=False, creative=CreativeFactory(swedish=True)
    ),
    "arm-removed": lambda campaign, by, now: operations.remove(campaign.items.get().arms.get(), by=by, now=now),
    "offer-terms": new_terms,
    "creative-text": lambda campaign, by, now: change(
        Creative.objects.get().contents.get(), by, now, fields={"title": "Annat"}
    ),
    "creative-locale": new_locale,
    "creative-urgency": lambda campaign, by, now: change(Creative.objects.get(), by, now, urgency=True),
    "audience": lambda campaign, by, now: change(Audience.objects.get(slug="outer"), by, now, rule={}),
    "audience-inside": lambda campaign, by, now: change(
        Audience.objects.get(slug="inner"), by, now, rule={"v": 1, "rule": {"trait": "genre", "op": "present"}}
    ),
    "audience-archived": lambda campaign, by, now: change(Audience.objects.get(slug="inner"), by, now, archived=True),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_any_edit_voids_an_approval_and_bars_its_editor(
    edit: Edit, campaign: Campaign, author: User, approver: User, launcher: User, now: datetime
) -> None:
    editor = UserFactory(username="editor", approver=True, launcher=True)
    approval = operations.submit(campaign, by=author, now=now)
    operations.approve(approval, by=approver, now=now)

    edit(Campaign.objects.get(pk=campaign.pk), editor, now)

    approval.refresh_from_db()
    campaign.refresh_from_db()
    assert (campaign.state, approval.decision) == (State.DRAFT, Approval.Decision.VOID)
    with pytest.raises(Refused):
        operations.launch(campaign, by=launcher, now=now)


# After these the campaign is not ready, so that nobody can ask for its approval.
UNREADY = ("market", "arm-removed", "audience-archived")


@pytest.mark.parametrize("edit", [EDITS[name] for name in EDITS if name not in UNREADY])
def test_who_edited_does_not_approve_even_when_another_asks(
    edit: Edit, campaign: Campaign, author: User, now: datetime
) -> None:
    editor = UserFactory(username="editor", approver=True, is_superuser=True)
    edit(Campaign.objects.get(pk=campaign.pk), editor, now)
    request = operations.submit(campaign, by=author, now=now)

    with pytest.raises(Refused) as refused:
        operations.approve(request, by=editor, now=now)

    assert [problem.id for problem in refused.value.problems] == ["approval.editor"]


def test_an_edit_during_review_voids_the_request(
    campaign: Campaign, author: User, approver: User, now: datetime
) -> None:
    request = operations.submit(campaign, by=author, now=now)

    EDITS["creative-text"](campaign, author, now)

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT
    with pytest.raises(Refused) as refused:
        operations.approve(request, by=approver, now=now)
    assert [problem.id for problem in refused.value.problems] == ["approval.closed"]


def test_an_edit_behind_the_back_of_the_verbs_is_found_at_launch(
    campaign: Campaign, author: User, approver: User, launcher: User, now: datetime
) -> None:
    operations.approve(operations.submit(campaign, by=author, now=now), by=approver, now=now)
    CampaignItem.objects.update(weight=77)

    with pytest.raises(Refused) as refused:
        operations.launch(campaign, by=launcher, now=now)

    assert [problem.id for problem in refused.value.problems] == ["approval.outdated"]


def test_an_outdated_request_is_void_after_the_attempt(
    campaign: Campaign, author: User, approver: User, now: datetime
) -> None:
    request = operations.submit(campaign, by=author, now=now)
    CampaignItem.objects.update(weight=77)

    with pytest.raises(Refused) as refused:
        operations.approve(request, by=approver, now=now)

    assert [problem.id for problem in refused.value.problems] == ["approval.outdated"]
    request.refresh_from_db()
    campaign.refresh_from_db()
    assert (request.decision, campaign.state) == (Approval.Decision.VOID, State.DRAFT)


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_decides_on_their_own_request(superuser: bool, campaign: Campaign, now: datetime) -> None:
    both = UserFactory(approver=True, is_superuser=superuser)
    request = operations.submit(campaign, by=both, now=now)

    for verb in (operations.approve, operations.refuse):
        with pytest.raises(Refused) as refused:
            verb(request, "Fine.", by=both, now=now)
        assert [problem.id for problem in refused.value.problems] == ["approval.requester"]


def test_who_asked_first_does_not_approve_when_another_asks_again(
    campaign: Campaign, author: User, now: datetime
) -> None:
    asker = UserFactory(approver=True)
    operations.submit(campaign, by=asker, now=now)
    operations.withdraw(campaign, by=asker, now=now)
    request = operations.submit(campaign, by=author, now=now)

    with pytest.raises(Refused) as refused:
        operations.approve(request, by=asker, now=now)

    assert [problem.id for problem in refused.value.problems] == ["approval.editor"]


def test_a_person_who_left_approves_nothing(campaign: Campaign, author: User, now: datetime) -> None:
    left = UserFactory(approver=True, is_active=False)
    request = operations.submit(campaign, by=author, now=now)

    with pytest.raises(Refused) as refused:
        operations.approve(request, by=left, now=now)

    assert [problem.id for problem in refused.value.problems] == ["campaign.permission"]


def test_who_edited_before_the_last_approval_may_approve_the_next(
    campaign: Campaign, author: User, approver: User, launcher: User, now: datetime
) -> None:
    earlier = UserFactory(username="earlier", approver=True)
    EDITS["priority"](campaign, earlier, now)
    operations.approve(operations.submit(campaign, by=author, now=now), by=approver, now=now)
    operations.launch(campaign, by=launcher, now=now)
    EDITS["item-weight"](campaign, author, now)

    request = operations.submit(campaign, by=author, now=now)

    assert operations.approve(request, by=earlier, now=now).decision == Approval.Decision.APPROVED


def test_an_approval_is_decided_once(campaign: Campaign, author: User, approver: User, now: datetime) -> None:
    request = operations.submit(campaign, by=author, now=now)
    operations.approve(request, by=approver, now=now)

    with pytest.raises(Refused) as refused:
        operations.approve(request, by=approver, now=now)

    assert [problem.id for problem in refused.value.problems] == ["approval.closed"]


def test_the_clone_of_an_approved_campaign_is_not_approved(
    campaign: Campaign, author: User, approver: User, launcher: User, now: datetime
) -> None:
    operations.approve(operations.submit(campaign, by=author, now=now), by=approver, now=now)

    copy = operations.clone(campaign, "copy", by=approver, now=now)

    with pytest.raises(Refused):
        operations.launch(copy, by=launcher, now=now)
    request = operations.submit(copy, by=author, now=now)
    with pytest.raises(Refused) as refused:
        operations.approve(request, by=approver, now=now)
    assert [problem.id for problem in refused.value.problems] == ["approval.editor"]


def test_what_nothing_shows_voids_nothing(campaign: Campaign, author: User, approver: User, now: datetime) -> None:
    approval = operations.submit(campaign, by=author, now=now)
    operations.edited(GuardFactory(), None, by=author, now=now)
    operations.edited(CreativeFactory(), None, by=author, now=now)
    change(campaign, author, now, name="A better name", goal="More trials.")

    assert operations.approve(approval, by=approver, now=now).decision == Approval.Decision.APPROVED


def test_a_trait_that_becomes_profiling_voids_what_reads_it(campaign: Campaign, author: User, now: datetime) -> None:
    change(campaign, author, now, rule={"v": 1, "rule": {"trait": "genre", "op": "present"}})
    approval = operations.submit(campaign, by=author, now=now)

    change(TraitDefinitionFactory(name="genre"), author, now, sensitivity="profiling")

    approval.refresh_from_db()
    assert approval.decision == Approval.Decision.VOID


@pytest.mark.parametrize("edit", [EDITS["priority"], EDITS["item-weight"], EDITS["cap-removed"]])
def test_an_ended_campaign_is_not_edited(edit: Edit, campaign: Campaign, author: User, now: datetime) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state=State.ENDED)

    with pytest.raises(Refused) as refused:
        edit(Campaign.objects.get(pk=campaign.pk), author, now)

    assert [problem.id for problem in refused.value.problems] == ["campaign.ended"]
