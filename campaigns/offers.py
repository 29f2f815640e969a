"""How do the terms of an offer change? Never: a new version is published instead."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from audiences.history import MOST_INSTANTS
from campaigns import records, rulechecks, terms
from campaigns.editing import record, void_outdated
from campaigns.models import Offer, OfferVersion
from campaigns.problems import Problem, Refused


@transaction.atomic
def new_version(offer: Offer, *, by: User | None, now: datetime, why: str = "") -> OfferVersion:
    """A draft that begins as a copy of the newest version; the one draft that there may be, where it exists."""
    # Lock first: two editors must not number two versions alike.
    row = Offer.objects.select_for_update(no_key=True).get(pk=offer.pk)
    newest = row.versions.order_by("-number").first()
    if newest is not None and newest.state == OfferVersion.State.DRAFT:
        return newest
    version = OfferVersion.objects.create(
        offer=row,
        number=newest.number + 1 if newest else 1,
        terms=newest.terms if newest else {},
        rule=newest.rule if newest else {},
        requires=newest.requires if newest else [],
        redeem_limit=newest.redeem_limit if newest else None,
        redeem_window_days=newest.redeem_window_days if newest else None,
        redeem_window_months=newest.redeem_window_months if newest else None,
    )
    record(version, "created", by=by, now=now, why=why, after=records.values(version))
    return version


@transaction.atomic
def publish_version(version: OfferVersion, *, by: User | None, now: datetime, why: str = "") -> OfferVersion:
    """Make the terms immutable. Campaigns show them once their content with this version is approved."""
    row = OfferVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("offer").get(pk=version.pk)
    found = problems(row)
    if found:
        raise Refused(found)
    row.state = OfferVersion.State.PUBLISHED
    row.published_at = now
    row.save(update_fields=["state", "published_at"])
    void_outdated(by=by, now=now)
    record(row, "published", by=by, now=now, why=why, after=records.values(row))
    return row


def problems(version: OfferVersion) -> list[Problem]:
    """Why the version cannot be published yet."""
    if version.state == OfferVersion.State.PUBLISHED:
        return [Problem("offer.published", f"{version} is published already.", "Make a new version to change it.")]
    found = terms.problems(version.offer.mechanic, version.terms)
    words = rulechecks.words()
    found += rulechecks.rule_problems(version.rule, words, f"the rule of {version}")
    found += rulechecks.requires_problems(version.requires, words, str(version))
    return found + _window_problems(version)


def _window_problems(version: OfferVersion) -> list[Problem]:
    found = []
    days, months, limit = version.redeem_window_days, version.redeem_window_months, version.redeem_limit
    if days is not None and months is not None:
        hint = "Keep one of redeem_window_days and redeem_window_months."
        found.append(Problem("offer.two_windows", "Redemptions are counted in days and in months.", hint))
    if 0 in (days, months):
        found.append(Problem("offer.no_window", "The window of the limit is empty.", "Give at least 1, or leave it."))
    if limit is not None and limit > MOST_INSTANTS and (days or months):
        sentence = f"The limit is {limit}, but a window counts the newest {MOST_INSTANTS} redemptions only."
        found.append(Problem("offer.limit_bound", sentence, "Take a lower limit, or count for ever."))
    return found
