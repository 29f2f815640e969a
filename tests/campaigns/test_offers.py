"""Do terms change only by a new version?"""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction

from audiences.models import Revision
from campaigns import offers, operations, proposal
from campaigns.models import Offer, OfferVersion
from campaigns.problems import Refused
from tests.factories import OfferFactory, OfferVersionFactory

NOBODY_KNOWS = {"v": 1, "rule": {"trait": "nobody_knows", "op": "present"}}


@pytest.fixture
def offer(db: None) -> Offer:
    return OfferFactory(key="trial")


def test_a_new_version_begins_as_a_copy(offer: Offer, author: User, now: datetime) -> None:
    OfferVersionFactory(offer=offer, published=True, redeem_limit=1, requires=["plan"])

    version = operations.new_version(offer, by=author, now=now)

    assert (version.number, version.state, version.terms) == (2, OfferVersion.State.DRAFT, {"free_period": "P30D"})
    assert (version.redeem_limit, version.requires) == (1, ["plan"])
    assert Revision.objects.get().verb == "created"


def test_there_is_one_draft(offer: Offer, author: User, now: datetime) -> None:
    first = operations.new_version(offer, by=author, now=now)

    assert first.number == 1
    assert operations.new_version(offer, by=author, now=now) == first


def test_published_terms_stand(offer: Offer, author: User, now: datetime) -> None:
    version = operations.publish_version(OfferVersionFactory(offer=offer), by=author, now=now)

    assert (version.state, version.published_at) == (OfferVersion.State.PUBLISHED, now)
    with pytest.raises(DatabaseError), transaction.atomic():
        OfferVersion.objects.filter(pk=version.pk).update(terms={"free_period": "P90D"})
    with pytest.raises(Refused) as refused:
        operations.publish_version(version, by=author, now=now)
    assert [problem.id for problem in refused.value.problems] == ["offer.published"]


def test_all_that_is_wrong_with_a_version_comes_at_once(offer: Offer, author: User, now: datetime) -> None:
    version = OfferVersionFactory(offer=offer, terms={}, rule=NOBODY_KNOWS, requires=["nobody_knows"])

    with pytest.raises(Refused) as refused:
        operations.publish_version(version, by=author, now=now)

    assert [problem.id for problem in refused.value.problems] == [
        "terms.missing", "rule.unknown_trait", "requires.unknown",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        pytest.param({"redeem_limit": 1, "redeem_window_months": 12}, [], id="months"),
        pytest.param({"redeem_limit": 21}, [], id="for-ever-without-a-bound"),
        pytest.param({"redeem_limit": 20, "redeem_window_days": 30}, [], id="as-many-as-are-kept"),
        pytest.param({"redeem_limit": 21, "redeem_window_months": 1}, ["offer.limit_bound"], id="more-than-are-kept"),
        pytest.param({"redeem_limit": 1, "redeem_window_days": 0}, ["offer.no_window"], id="an-empty-window"),
    ],
)
def test_a_limit_can_be_counted(
    offer: Offer, author: User, now: datetime, limits: dict[str, int], found: list[str]
) -> None:
    version = OfferVersionFactory(offer=offer, **limits)

    assert [problem.id for problem in offers.problems(version)] == found


def test_a_limit_has_one_window(offer: Offer) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        OfferVersionFactory(offer=offer, redeem_limit=1, redeem_window_days=30, redeem_window_months=1)


def test_a_window_in_months_is_copied_and_approved_like_one_in_days(offer: Offer, author: User, now: datetime) -> None:
    version = OfferVersionFactory(offer=offer, published=True, redeem_limit=1, redeem_window_months=12)

    draft = operations.new_version(offer, by=author, now=now)
    document = proposal.offer_document(version, {}, frozenset())

    assert draft.redeem_window_months == 12
    assert (document["redeem_window"], document["redeem_window_months"]) == (None, 12)
