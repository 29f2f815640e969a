"""How do formats, placements, creatives and guards come in from a file?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from audiences.models import EventDefinition
from audiences.tiers import Tier
from campaigns import creatives, operations, rulechecks, strategies
from campaigns.importing.definitions import age, fixed
from campaigns.importing.desk import Desk, Skipped
from campaigns.importing.entries import CreativeEntry, FormatEntry, GuardEntry, PlacementEntry, given
from campaigns.importing.lines import Difference
from campaigns.importing.shaping import Placed
from campaigns.models import Creative, CreativeContent, Guard, Market, Placement, PlacementFormat


def format_(desk: Desk, at: Placed, entry: FormatEntry) -> None:
    row = PlacementFormat.objects.filter(key=entry.key).first() or PlacementFormat(key=entry.key, name=entry.key)
    new = row.pk is None
    wanted = given(entry, but=frozenset({"key"}))
    if "fields" in wanted and desk.all_wrong(f"{at.where}.fields", creatives.schema_problems(wanted["fields"])):
        raise Skipped
    versions = creatives.version_problems(wanted.get("min_app_versions", {}))
    if desk.all_wrong(f"{at.where}.min_app_versions", versions):
        raise Skipped
    desk.line(at, new, desk.save(row, wanted, at))


def placement(desk: Desk, at: Placed, entry: PlacementEntry) -> None:
    row = Placement.objects.filter(slug=entry.slug).first() or Placement(slug=entry.slug, name=entry.slug)
    new = row.pk is None
    wanted = given(entry, but=frozenset({"slug"}))
    if "format" in wanted:
        wanted["format"] = desk.one(PlacementFormat, "formats", "key", wanted["format"], f"{at.where}.format")
    elif new:
        desk.wrong("entry.missing", at.where, "format is missing.", "Add the key of a format.")
        raise Skipped
    if "draw_window" in wanted:
        wanted["draw_window"] = age(desk, at, wanted["draw_window"], "draw_window")
    if wanted.get("objective"):
        where = f"{at.where}.objective"
        wanted["objective"] = desk.one(EventDefinition, "events", "name", wanted["objective"], where)
    before = {} if new else strategies.ways(row)
    changed = desk.save(row, wanted, at)
    if not new:
        strategies.changed(row, before, by=desk.by, now=desk.now, why=desk.why)
    desk.line(at, new, changed)
    desk.later(at, lambda: _check_ranking(desk, at, row))


def _check_ranking(desk: Desk, at: Placed, row: Placement) -> None:
    for field, problem in strategies.choice_problems(row, desk.words):
        desk.wrong(problem.id, f"{at.where}.{field}", problem.sentence, problem.hint)


def creative(desk: Desk, at: Placed, entry: CreativeEntry) -> None:
    row = Creative.objects.filter(key=entry.key).first() or Creative(key=entry.key, name=entry.key)
    new = row.pk is None
    wanted = given(entry, but=frozenset({"key", "locales"}))
    if "format" in wanted:
        wanted["format"] = desk.one(PlacementFormat, "formats", "key", wanted["format"], f"{at.where}.format")
    elif new:
        desk.wrong("entry.missing", at.where, "format is missing.", "Add the key of a format.")
        raise Skipped
    fixed(desk, at, row, wanted, "format")
    locales = entry.locales if isinstance(entry.locales, dict) else None
    if locales is not None and _badly_said(desk, at, wanted.get("format") or row.format, locales):
        raise Skipped
    changed = desk.save(row, wanted, at)
    if locales is not None:
        changed = (*changed, *_contents(desk, at, row, locales))
    desk.line(at, new, changed)


def guard(desk: Desk, at: Placed, entry: GuardEntry) -> None:
    row = Guard.objects.filter(key=entry.key).first() or Guard(key=entry.key, name=entry.key)
    new = row.pk is None
    wanted = given(entry, but=frozenset({"key"}))
    if "markets" in wanted:
        wanted["markets"] = [
            desk.one(Market, "markets", "code", code, f"{at.where}.markets") for code in wanted["markets"]
        ]
    for tier in wanted.get("tiers", ()):
        if tier not in {each.value for each in Tier}:
            hint = f"Use one of {', '.join(each.value for each in Tier)}."
            desk.wrong("entry.value", f"{at.where}.tiers", f'"{tier}" is no tier.', hint)
            raise Skipped
    if not wanted.get("rule", row.rule):
        desk.wrong("guard.rule", at.where, "A guard without a rule guards nothing.", "Say under rule what must hold.")
        raise Skipped
    desk.line(at, new, desk.save(row, wanted, at))
    desk.later(at, lambda: _check_guard(desk, at, row))


def _check_guard(desk: Desk, at: Placed, row: Guard) -> None:
    desk.all_wrong(f"{at.where}.rule", rulechecks.rule_problems(row.rule, desk.words, f"the guard {row.key}"))
    desk.all_wrong(
        f"{at.where}.requires", rulechecks.requires_problems(row.requires, desk.words, f"The guard {row.key}")
    )


def _badly_said(desk: Desk, at: Placed, format_row: PlacementFormat, locales: Mapping[str, Mapping[str, Any]]) -> bool:
    schemes = frozenset(getattr(settings, "MERCH_LINK_SCHEMES", ("merch",)))
    wrong = False
    for locale, fields in locales.items():
        found = creatives.content_problems(format_row.fields, fields, f"{at.key} in {locale}", schemes)
        wrong |= desk.all_wrong(f"{at.where}.locales.{locale}", found)
    return wrong


def _contents(desk: Desk, at: Placed, row: Creative, locales: Mapping[str, dict[str, Any]]) -> list[Difference]:
    """``locales`` is the whole: those that it leaves out are removed."""
    held = {content.locale: content for content in row.contents.all()}
    found: list[Difference] = []
    for locale in sorted(held.keys() - locales.keys()):
        found.append(Difference(f"locale {locale}", "there", "removed"))
        operations.remove(held[locale], by=desk.by, now=desk.now, why=desk.why)
    for locale, fields in locales.items():
        content = held.get(locale) or CreativeContent(creative=row, locale=locale)
        changed = desk.save(content, {"fields": fields}, at)
        found += [Difference(f"locale {locale}", each.before, each.after) for each in changed]
    return found
