"""Are prices, offers and creatives entered as people write them, and are mistakes told in words?"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Creative, Offer, OfferVersion, Price
from tests.factories.campaigns import CreativeContentFactory, CreativeFactory, MarketFactory, OfferFactory, PlanFactory
from tests.factories.posting import errors, posted
from tests.factories.whole import priced

pytestmark = pytest.mark.django_db

ADD_PRICE = "admin:campaigns_price_add"


def price_of(plan_id: int, market_id: int, amount: str, **period: str) -> dict[str, str]:
    return {"plan": str(plan_id), "market": str(market_id), "amount": amount, "period": "P1M", **period}


def test_an_amount_is_entered_as_a_decimal_and_kept_in_minor_units(annas: Client) -> None:
    plan, market = PlanFactory(key="premium"), MarketFactory()

    answer = annas.post(
        reverse(ADD_PRICE), price_of(plan.pk, market.pk, "119.00", valid_from_0="01/03/2027", valid_from_1="00:00")
    )

    assert answer.status_code == 302, errors(answer)
    price = Price.objects.get()
    assert (price.amount, price.currency) == (11900, "SEK")
    assert price.effective.lower.isoformat() == "2027-02-28T23:00:00+00:00", "midnight on the market's clocks"


@pytest.mark.parametrize("amount", ["119.005", "-1", "much"])
def test_an_amount_that_cannot_be_charged_is_refused(annas: Client, amount: str) -> None:
    plan, market = PlanFactory(key="premium"), MarketFactory()

    answer = annas.post(reverse(ADD_PRICE), price_of(plan.pk, market.pk, amount))

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["amount"]


def test_an_overlapping_price_is_told_in_words_beside_its_field(annas: Client) -> None:
    market = priced()
    plan = Price.objects.get().plan

    answer = annas.post(
        reverse(ADD_PRICE), price_of(plan.pk, market.pk, "99", valid_from_0="01/03/2027", valid_from_1="00:00")
    )

    assert answer.status_code == 200
    (sentence,) = answer.context["adminform"].form.errors["valid_from"]
    assert "119.00 SEK" in sentence
    assert "End that price first" in sentence
    assert Price.objects.count() == 1


def test_a_new_offer_begins_with_a_draft_of_its_terms(annas: Client) -> None:
    plan = PlanFactory(key="premium")

    annas.post(
        reverse("admin:campaigns_offer_add"),
        {"name": "Trial", "key": "trial", "mechanic": "TRIAL", "plan": str(plan.pk)},
    )

    assert OfferVersion.objects.get().offer.key == "trial"


def test_terms_that_do_not_fit_the_mechanic_are_refused_and_good_ones_published(annas: Client) -> None:
    offer: Offer = OfferFactory(key="trial")
    OfferVersion.objects.create(offer=offer, number=1)
    url = reverse("admin:campaigns_offer_change", args=[offer.pk])

    bad = annas.post(url, posted(annas.get(url), **{"versions-0-free_period": "a month"}))
    good = annas.post(url, posted(annas.get(url), **{"versions-0-free_period": "P1M"}))
    annas.post(reverse("admin:campaigns_offer_do", args=[offer.pk, "publish"]), {"comment": ""})

    assert "P7D" in errors(bad)
    assert good.status_code == 302, errors(good)
    version = OfferVersion.objects.get()
    assert (version.state, version.terms) == ("PUBLISHED", {"free_period": "P1M"})
    assert "versions-0-free_period" not in annas.get(url).content.decode(), "published terms are no inputs"


def test_a_creative_has_a_field_for_each_field_of_its_format(annas: Client) -> None:
    creative: Creative = CreativeFactory(key="hero")
    CreativeContentFactory(creative=creative)
    url = reverse("admin:campaigns_creative_change", args=[creative.pk])
    fields = {
        "contents-0-field_title": "Lyssna för {price}",
        "contents-0-field_cta_label": "Prova",
        "contents-0-field_cta_href": "https://example.com/",
    }

    answer = annas.post(url, posted(annas.get(url), **fields))

    assert answer.status_code == 302, errors(answer)
    assert creative.contents.get().fields == {
        "title": "Lyssna för {price}",
        "cta": {"label": "Prova", "href": "https://example.com/"},
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("field_title", "Bara 99 kr", "amount", id="amounts-come-from-the-quote"),
        pytest.param("field_title", "x" * 61, "61 characters", id="too-long"),
        pytest.param("field_title", "<b>fet</b>", "HTML", id="no-markup"),
        pytest.param("field_cta_href", "javascript:alert(1)", "link", id="no-scripts"),
    ],
)
def test_what_a_creative_must_not_say_is_told_beside_the_field(annas: Client, name: str, text: str, said: str) -> None:
    creative: Creative = CreativeFactory(key="hero")
    CreativeContentFactory(creative=creative)
    url = reverse("admin:campaigns_creative_change", args=[creative.pk])
    button = {"contents-0-field_cta_label": "Prova", "contents-0-field_cta_href": "https://example.com/"}

    answer = annas.post(url, posted(annas.get(url), **{**button, f"contents-0-{name}": text}))

    assert answer.status_code == 200
    assert said in errors(answer)
    assert creative.contents.get().fields == {"title": "Lyssna utan reklam"}
