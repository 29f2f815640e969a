"""How do plans and offers with their versions come in from a file?

Published terms never change: where the file says otherwise, a new version is made and published.
"""

from __future__ import annotations

from typing import Any

from campaigns import operations, records
from campaigns.importing.definitions import fixed
from campaigns.importing.desk import Desk, Skipped
from campaigns.importing.entries import NamedEntry, OfferEntry, PlanEntry, given
from campaigns.importing.lines import Difference, Line, Verdict, differences
from campaigns.importing.shaping import Placed
from campaigns.models import Offer, OfferVersion, Plan, PlanGroup

TERMS = ("terms", "rule", "requires", "redeem_limit", "redeem_window_days", "redeem_window_months")


def plan_group(desk: Desk, at: Placed, entry: NamedEntry) -> None:
    row = PlanGroup.objects.filter(key=entry.key).first() or PlanGroup(key=entry.key, name=entry.key)
    new = row.pk is None
    desk.line(at, new, desk.save(row, given(entry, but=frozenset({"key"})), at))


def plan(desk: Desk, at: Placed, entry: PlanEntry) -> None:
    row = Plan.objects.filter(key=entry.key).first() or Plan(key=entry.key, name=entry.key)
    new = row.pk is None
    wanted = given(entry, but=frozenset({"key"}))
    if "group" in wanted:
        wanted["group"] = desk.one(PlanGroup, "plan_groups", "key", wanted["group"], f"{at.where}.group")
    elif new:
        desk.wrong("entry.missing", at.where, "group is missing.", "Add the key of a plan group.")
        raise Skipped
    desk.line(at, new, desk.save(row, wanted, at))


def offer(desk: Desk, at: Placed, entry: OfferEntry) -> None:
    row = Offer.objects.filter(key=entry.key).first() or Offer(key=entry.key)
    new = row.pk is None
    wanted: dict[str, Any] = {"name": entry.key} if new else {}
    wanted |= given(entry, but=frozenset({"key", *TERMS}))
    if wanted.get("plan") is not None:
        wanted["plan"] = desk.one(Plan, "plans", "key", wanted["plan"], f"{at.where}.plan")
    fixed(desk, at, row, wanted, "mechanic", "plan")
    changed = desk.save(row, wanted, at)
    terms = {name: value for name, value in given(entry).items() if name in TERMS}
    desk.later(at, lambda: _version(desk, at, row, terms, new, changed))


def _version(
    desk: Desk, at: Placed, row: Offer, terms: dict[str, Any], new: bool, changed: tuple[Difference, ...]
) -> None:
    """Publish the terms unless they are published already."""
    newest = row.versions.order_by("-number").first()
    published = newest is not None and newest.state == OfferVersion.State.PUBLISHED
    if published and newest is not None and not differences(newest, terms):
        desk.line(at, new, changed)
        return
    if newest is not None and not published and differences(newest, terms):
        sentence = f"Somebody is writing version {newest.number} of {at.key}, with other terms."
        desk.wrong("offer.draft", at.where, sentence, "Publish or remove that draft first.")
        raise Skipped
    version = operations.new_version(row, by=desk.by, now=desk.now, why=desk.why)
    found = tuple(
        Difference(each.field, None if newest is None else each.before, each.after)
        for each in differences(version, terms)
    )
    _fill(desk, version, terms)
    operations.publish_version(version, by=desk.by, now=desk.now, why=desk.why)
    number = Difference("version", newest.number if newest and published else None, version.number)
    verdict = Verdict.CREATED if new else Verdict.CHANGED
    desk.lines.append(Line(at.section, at.key, verdict, (*changed, number, *found)))


def _fill(desk: Desk, version: OfferVersion, terms: dict[str, Any]) -> None:
    before = records.values(version)
    for name, value in terms.items():
        setattr(version, name, value)
    version.save()
    operations.edited(version, before, by=desk.by, now=desk.now, why=desk.why)
