"""Can people do their work in a real browser, from an empty form to a live campaign?"""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect

from campaigns.lifecycle import State
from campaigns.models import Campaign, Price
from tests.browser.conftest import SignIn, person
from tests.factories.campaigns import CreativeFactory, OfferFactory, PlacementFactory
from tests.factories.whole import priced, ready_campaign

pytestmark = pytest.mark.timeout(180)


def pick(page: Page, field: str, text: str) -> None:
    """Choose from a field that searches as one types."""
    page.locator(f"#id_{field} + .select2").click()
    page.locator(".select2-search__field").last.fill(text)
    page.locator(".select2-results__option", has_text=text).first.click()


def press(page: Page, name: str) -> None:
    """A button at the top of a form, then the one on its own page."""
    page.get_by_role("link", name=re.compile(f"{name}$")).click()  # an icon's name stands before it
    page.get_by_role("button", name=name, exact=True).click()


def test_a_campaign_goes_from_nothing_to_live(people: dict[str, User], sign_in: SignIn) -> None:
    priced()
    PlacementFactory(slug="home-hero", name="Home hero")
    CreativeFactory(key="trial-hero", name="Trial hero", swedish=True)
    OfferFactory(key="trial-30", name="30 days free", published=True)
    page = sign_in("anna")
    page.get_by_role("link", name=re.compile("Campaigns$")).first.click()
    page.locator("a[href$='/campaign/add/']").first.click()
    page.wait_for_url("**/add/")  # loaded, scripts too

    page.locator("#id_name").press_sequentially("Autumn trial")
    expect(page.locator("#id_key")).to_have_value("autumn-trial")
    page.locator("#id_starts_0").fill("01/11/2026")
    page.locator("#id_starts_1").fill("09:00")
    page.get_by_role("link", name="Add another Item").click()
    pick(page, "items-0-placement", "Home hero")
    pick(page, "items-0-creative", "Trial hero")
    pick(page, "items-0-offer", "30 days free")
    page.locator("#id_items-0-key").fill("hero")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("Everything is in place.")).to_be_visible()
    press(page, "Submit for approval")
    expect(page.get_by_text("waits for approval by another person").first).to_be_visible()

    other = sign_in("bo")
    other.get_by_role("link", name=re.compile("Autumn trial.*Review", re.DOTALL)).click()
    expect(other.get_by_text("never: this is the first time")).to_be_visible()
    other.get_by_role("button", name="Approve").click()
    press(other, "Launch")
    expect(other.get_by_text("Live: releases carry its approved content.")).to_be_visible()
    assert Campaign.objects.get().state == State.LIVE


def test_an_overlapping_price_is_explained(people: dict[str, User], sign_in: SignIn) -> None:
    priced()
    page = sign_in("anna")
    page.goto("/admin/campaigns/price/add/")

    pick(page, "plan", Price.objects.get().plan.name)
    pick(page, "market", "SE")
    page.locator("#id_amount").fill("99")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("End that price first")).to_be_visible()


def test_a_rule_reads_back_while_one_types_and_tells_what_is_wrong(people: dict[str, User], sign_in: SignIn) -> None:
    page = sign_in("anna")
    page.goto("/admin/campaigns/campaign/add/")
    rule = page.locator("#id_rule")

    rule.fill('{"v": 1, "rule": {"trait": "nonsense", "op": "eq", "value": 1}}')
    expect(page.locator(".merch-rule-check .merch-problems")).to_contain_text("$.rule")
    rule.fill('{"v": 1, "rule": {"ctx": "platform", "op": "in", "value": ["ios"]}}')
    expect(page.locator(".merch-rule-check .merch-sentence")).to_contain_text("platform")


def test_a_viewer_cannot_edit_and_an_editor_cannot_approve_their_own(people: dict[str, User], sign_in: SignIn) -> None:
    campaign = ready_campaign(key="first-trial", name="First trial", ends=None)
    viewer, editor = person("viewer"), person("editor")
    viewer.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    verbs = ("view_campaign", "change_campaign", "approve_campaign")
    editor.user_permissions.add(*Permission.objects.filter(codename__in=verbs))

    page = sign_in("viewer")
    page.goto(f"/admin/campaigns/campaign/{campaign.pk}/change/")
    expect(page.get_by_text("First trial").first).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)

    page = sign_in("editor")
    page.goto(f"/admin/campaigns/campaign/{campaign.pk}/change/")
    press(page, "Submit for approval")
    expect(page.get_by_text("waits for approval by another person").first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Approve$"))).to_have_count(0)
