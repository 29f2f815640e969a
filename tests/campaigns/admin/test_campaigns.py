"""Can a campaign be written, approved and stopped from its page, and is nothing lost or slipped past on the way?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audiences.models import Revision
from campaigns import operations
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign
from tests.factories.campaigns import CampaignFactory, FrequencyCapFactory
from tests.factories.people import UserFactory
from tests.factories.posting import errors, posted
from tests.factories.whole import ready_campaign

pytestmark = pytest.mark.django_db

LIST = "admin:campaigns_campaign_changelist"


def page_of(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def do(campaign: Campaign, verb: str) -> str:
    return reverse("admin:campaigns_campaign_do", args=[campaign.pk, verb])


@pytest.fixture
def campaign() -> Campaign:
    """Ready to launch whatever the day is."""
    return ready_campaign(key="first-trial", name="First trial", ends=None)


def test_a_save_is_one_revision_that_tells_the_difference(annas: Client, campaign: Campaign) -> None:
    answer = annas.post(page_of(campaign), posted(annas.get(page_of(campaign)), priority="70"))

    assert answer.status_code == 302, errors(answer)
    revision = Revision.objects.get()
    assert (revision.actor_name, revision.verb, revision.object_type, revision.object_key) == (
        "anna",
        "edited",
        "campaign",
        "first-trial",
    )
    assert revision.before is not None
    assert revision.after is not None
    assert {name for name in revision.after if revision.after[name] != revision.before[name]} == {"priority"}


def test_saving_without_a_change_writes_no_history(annas: Client, campaign: Campaign) -> None:
    FrequencyCapFactory(campaign=campaign)

    answer = annas.post(page_of(campaign), posted(annas.get(page_of(campaign))))

    assert answer.status_code == 302, errors(answer)
    assert not Revision.objects.exists()


def test_a_form_that_somebody_else_overtook_is_refused_by_name(annas: Client, bos: Client, campaign: Campaign) -> None:
    opened = annas.get(page_of(campaign))
    bos.post(page_of(campaign), posted(bos.get(page_of(campaign)), priority="70"))

    answer = annas.post(page_of(campaign), posted(opened, priority="10"))

    assert answer.status_code == 200
    assert "somebody else saved this page" in errors(answer)
    assert "bo edited it at" in errors(answer)
    campaign.refresh_from_db()
    assert campaign.priority == 70
    again = annas.post(page_of(campaign), posted(answer, priority="10"))
    assert "Nothing was saved" in errors(again), "pressing Save twice must not overwrite"


def test_every_problem_of_a_rule_is_told_with_its_place(annas: Client, campaign: Campaign) -> None:
    rule = '{"v": 1, "rule": {"all": [{"trait": "nonsense", "op": "eq", "value": 1}, {"nothing": 1}]}}'

    answer = annas.post(page_of(campaign), posted(annas.get(page_of(campaign)), rule=rule))

    assert "$.rule.all[0]" in errors(answer)
    assert "$.rule.all[1]" in errors(answer)


def test_a_campaign_lives_from_draft_to_end_on_its_buttons(annas: Client, bos: Client, campaign: Campaign) -> None:
    assert annas.post(do(campaign, "submit"), {"comment": "please"}).status_code == 302
    asked = Approval.objects.get()
    assert bos.post(do(campaign, "approve"), {"approval": asked.pk, "comment": ""}).status_code == 302
    for verb, state in (("launch", "LIVE"), ("pause", "PAUSED"), ("resume", "LIVE"), ("end", "ENDED")):
        assert bos.post(do(campaign, verb), {"comment": ""}).status_code == 302
        campaign.refresh_from_db()
        assert campaign.state == state


def test_the_author_is_not_offered_and_not_given_the_approval(annas: Client, campaign: Campaign) -> None:
    annas.post(do(campaign, "submit"), {"comment": ""})
    asked = Approval.objects.get()

    assert do(campaign, "approve") not in annas.get(page_of(campaign)).content.decode()
    annas.post(do(campaign, "approve"), {"approval": asked.pk})

    asked.refresh_from_db()
    assert asked.decision == Approval.Decision.PENDING


def test_an_approval_is_of_what_was_looked_at(annas: Client, bos: Client, campaign: Campaign) -> None:
    annas.post(do(campaign, "submit"), {"comment": ""})
    looked_at = Approval.objects.get()
    annas.post(do(campaign, "withdraw"), {"comment": ""})
    annas.post(page_of(campaign), posted(annas.get(page_of(campaign)), priority="99"))
    annas.post(do(campaign, "submit"), {"comment": ""})

    answer = bos.post(do(campaign, "approve"), {"approval": looked_at.pk, "comment": ""})

    assert "not open any more" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == State.IN_REVIEW


def test_the_review_shows_what_changed_since_the_last_approval(
    annas: Client, bos: Client, anna: User, bo: User, campaign: Campaign
) -> None:
    now = timezone.now()
    operations.approve(operations.submit(campaign, by=anna, now=now), by=bo, now=now)
    operations.launch(campaign, by=bo, now=now)
    annas.post(page_of(campaign), posted(annas.get(page_of(campaign)), priority="70"))
    assert "unapproved edits" in annas.get(page_of(campaign)).content.decode()
    annas.post(do(campaign, "submit"), {"comment": ""})

    page = bos.get(do(campaign, "approve"))

    assert page.context["changes"] == [("priority", "50", "70")]
    assert f'hx-get="{reverse("admin-guarded", args=[campaign.pk])}"' in page.content.decode()


def test_an_edit_voids_what_waits_for_approval_and_says_so(annas: Client, campaign: Campaign) -> None:
    annas.post(do(campaign, "submit"), {"comment": ""})

    answer = annas.post(page_of(campaign), posted(annas.get(page_of(campaign)), priority="70"), follow=True)

    assert "is void" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_a_refused_button_shows_every_reason(annas: Client) -> None:
    empty = CampaignFactory(key="empty", ends=None)

    answer = annas.post(do(empty, "submit"), {"comment": ""})

    assert answer.status_code == 200
    assert "has no items" in answer.content.decode()
    assert "no market" in answer.content.decode()


def test_buttons_do_nothing_when_they_are_only_looked_at(annas: Client, campaign: Campaign) -> None:
    for verb in ("submit", "clone", "withdraw", "launch", "end", "kill"):
        annas.get(do(campaign, verb))

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT
    assert not Revision.objects.exists()


def test_a_viewer_sees_no_button_and_may_press_none(campaign: Campaign) -> None:
    viewer: User = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(page_of(campaign))

    assert page.status_code == 200
    assert "/do/" not in page.content.decode()
    assert "merch-sentence" in page.content.decode(), "the rule reads as a sentence, not as JSON alone"
    for verb in ("submit", "launch", "clone", "kill"):
        client.post(do(campaign, verb), {"comment": "x", "key": "copy"})
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT
    assert Campaign.objects.count() == 1


def test_an_item_without_a_key_gets_one(annas: Client, campaign: Campaign) -> None:
    page = annas.get(page_of(campaign))

    answer = annas.post(page_of(campaign), posted(page, **{"items-0-key": ""}))

    item = campaign.items.get()
    assert answer.status_code == 302, errors(answer)
    assert item.creative is not None
    assert item.key == f"{item.placement.slug}-{item.creative.key}"


def test_an_item_may_show_nothing_and_then_shows_nothing_at_all(annas: Client, campaign: Campaign) -> None:
    page = annas.get(page_of(campaign))
    both = annas.post(page_of(campaign), posted(page, **{"items-0-nothing": "on"}))
    neither = annas.post(page_of(campaign), posted(page, **{"items-0-creative": ""}))
    alone = {"items-0-nothing": "on", "items-0-creative": "", "items-0-offer": "", "items-0-key": ""}
    answer = annas.post(page_of(campaign), posted(page, **alone))

    assert "has no creative, offer or experiment" in both.content.decode()
    assert "Choose a creative, or tick" in neither.content.decode()
    assert answer.status_code == 302, errors(answer)
    item = campaign.items.get()
    assert (item.nothing, item.creative, item.key) == (True, None, f"{item.placement.slug}-nothing")


def test_a_clone_is_offered_a_key(annas: Client, campaign: Campaign) -> None:
    assert f'value="{campaign.key}-copy"' in annas.get(do(campaign, "clone")).content.decode()


def test_an_ended_campaign_is_read_only(annas: Client) -> None:
    ended = CampaignFactory(ended=True)

    assert annas.post(page_of(ended), {"name": "changed"}).status_code == 403


def test_the_list_costs_the_same_for_many_campaigns_as_for_one(annas: Client, campaign: Campaign) -> None:
    annas.get(reverse(LIST))
    with CaptureQueriesContext(connection) as one:
        annas.get(reverse(LIST))
    for number in range(15):
        made = ready_campaign(key=f"more-{number}", live=True, ends=None)
        FrequencyCapFactory(campaign=made, length=timedelta(days=2))

    with CaptureQueriesContext(connection) as many:
        page = annas.get(reverse(LIST))

    assert "more-14" in page.content.decode()
    # Live ones are compared with their approved content: a fixed number of queries more.
    assert len(many) <= len(one) + 15


def test_the_list_does_not_grow_with_live_campaigns(annas: Client) -> None:
    for number in range(2):
        ready_campaign(key=f"few-{number}", live=True, ends=None)
    annas.get(reverse(LIST))
    with CaptureQueriesContext(connection) as few:
        annas.get(reverse(LIST))
    for number in range(15):
        ready_campaign(key=f"more-{number}", live=True, ends=None)

    with CaptureQueriesContext(connection) as many:
        annas.get(reverse(LIST))

    assert len(many) == len(few)
