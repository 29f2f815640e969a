"""How does the content of a campaign, as it is approved, read in words and differ from what was approved before?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audiences.admin.revising import differences, told
from audiences.admin.rules import sentence
from audiences.admin.showing import wall
from campaigns.admin.cap_words import capped, rested

Content = Mapping[str, Any]

LABELS = {
    "rule": "who",
    "starts": "starts (wall time)",
    "ends": "ends (wall time)",
    "time_zone": "zone of the flight",
    "caps": "how often",
    "cooldowns": "rest",
    "items": "item",
    "offers": "offer",
    "creatives": "creative",
    "audiences": "audience",
}
LEFT_OUT = frozenset({"profiled"})  # follows from the rest


def readable(content: Content) -> dict[str, Any]:
    """The content with creatives named by key instead of by hash, rules as sentences, spans in words."""
    names = {digest: one["key"] for digest, one in content.get("creatives", {}).items()}
    plain = {name: value for name, value in content.items() if name not in LEFT_OUT}
    return plain | {
        "starts": _wall(content["starts"]),
        "ends": _wall(content["ends"]) if content.get("ends") else None,
        "rule": sentence(content.get("rule")),
        "audiences": {
            slug: sentence(rule) if rule else "a list" for slug, rule in content.get("audiences", {}).items()
        },
        "creatives": {one["key"]: one["locales"] for one in content.get("creatives", {}).values()},
        "items": [_item(item, names) for item in content.get("items", ())],
        "caps": [capped(cap) for cap in content.get("caps", ())],
        "cooldowns": [rested(each) for each in content.get("cooldowns", ())],
        "offers": {name: _offer(one) for name, one in content.get("offers", {}).items()},
    }


def _item(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    arms = {key: arm | {"creative": names.get(arm["creative"], arm["creative"])} for key, arm in item["arms"].items()}
    return {**item, "creative": names.get(item["creative"], item["creative"]), "arms": arms}


def _wall(text: str) -> str:
    return wall(datetime.fromisoformat(text))


def _offer(offer: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("terms", "requires", "redeem_limit")
    return {name: offer[name] for name in kept} | {"rule": sentence(offer["rule"])}


def changes(before: Content, after: Content) -> list[tuple[str, str, str]]:
    """(what, before, after) in words; empty: the same content."""
    return [(_label(path), told(was), told(now)) for path, was, now in differences(readable(before), readable(after))]


def _label(path: str) -> str:
    first, arrow, rest = path.partition(" › ")
    return f"{LABELS.get(first, first)}{arrow}{rest}".replace("_", " ")
