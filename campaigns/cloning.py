"""How does a new campaign begin as a copy of another?"""

from __future__ import annotations

import re
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from audiences.models import SLUG
from campaigns import records
from campaigns.editing import record
from campaigns.lifecycle import State
from campaigns.models import Campaign, CampaignItem, Cooldown, FrequencyCap
from campaigns.problems import Problem, Refused


@transaction.atomic
def clone(campaign: Campaign, key: str, *, by: User, now: datetime, why: str = "") -> Campaign:
    """A draft with the same items, limits and markets, whatever became of the original; nothing of it is approved.

    Experiments stay behind: a test measures one campaign.
    """
    _refuse_key(key)
    original = Campaign.objects.get(pk=campaign.pk)
    copy = Campaign.objects.get(pk=campaign.pk)
    copy.pk, copy.key, copy.name, copy.state = None, key, f"Copy of {original.name}"[:150], State.DRAFT
    copy._state.adding = True
    copy.save()
    copy.markets.set(original.markets.all())
    copy.budgets.set(original.budgets.all())
    CampaignItem.objects.bulk_create(_item(item, copy) for item in original.items.all())
    FrequencyCap.objects.bulk_create(_cap(cap, copy) for cap in original.caps.all())
    Cooldown.objects.bulk_create(_cooldown(each, copy) for each in original.cooldowns.all())
    after = records.values(copy) | {"clone_of": original.key}
    record(copy, "cloned", by=by, now=now, why=why or f"from {original.key}", after=after)
    return copy


def _refuse_key(key: str) -> None:
    # fullmatch: the validator's own search would let a line end through.
    if not re.fullmatch(SLUG.regex, key):
        raise Refused([Problem("campaign.key", f'"{key[:60]}" is no key.', str(SLUG.message))])
    if Campaign.objects.filter(key=key).exists():
        raise Refused([Problem("campaign.key_taken", f"There is a campaign {key} already.", "Choose another key.")])


def _item(item: CampaignItem, copy: Campaign) -> CampaignItem:
    return CampaignItem(
        campaign=copy,
        key=item.key,
        placement_id=item.placement_id,
        offer_id=item.offer_id,
        creative_id=item.creative_id,
        nothing=item.nothing,
        weight=item.weight,
    )


def _cap(cap: FrequencyCap, copy: Campaign) -> FrequencyCap:
    return FrequencyCap(
        campaign=copy,
        scope=cap.scope,
        scope_key=cap.scope_key,
        event=cap.event,
        limit=cap.limit,
        window=cap.window,
        length=cap.length,
        unit=cap.unit,
        strict=cap.strict,
    )


def _cooldown(cooldown: Cooldown, copy: Campaign) -> Cooldown:
    return Cooldown(
        campaign=copy,
        scope=cooldown.scope,
        scope_key=cooldown.scope_key,
        event=cooldown.event,
        length=cooldown.length,
    )
