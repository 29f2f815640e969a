"""How does an explanation read on a page, without what this person may not see?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
May = Callable[[str], bool]

RELEASE_SHOWN = 19  # characters of a digest


def of(told: Json, trait: May, campaign: May, *, hidden: str, others: str) -> Json:
    """The context of the page. ``trait`` and ``campaign`` say what may be seen."""
    return {
        "release": told["release"][:RELEASE_SHOWN],
        "pulse": told["pulse"],
        "kills": [key if campaign(key) else others for key in told["kills"]],
        "facts": _facts(told["facts"], trait, hidden),
        "placements": [_placement(each, trait, campaign, hidden, others) for each in told["placements"]],
        "exposures": told["exposures"],
        "errors": [each if campaign(each.partition("/")[0]) else others for each in told["errors"]],
        "milliseconds": told["timings"]["explained_ms"],
    }


def _facts(facts: Json, trait: May, hidden: str) -> Json:
    record = facts["record"]
    shown: Json = {"context": sorted(facts["context"].items()), "read": record is not None, "overrides": [
        (name, _value(value) if trait(name) else hidden) for name, value in facts["overrides"].items()
    ]}  # fmt: skip
    if record is None:
        return shown
    return shown | {
        "traits": [
            (name, _value(cell["value"]) if trait(name) else hidden, _age(cell), cell["stale"])
            for name, cell in record["traits"].items()
        ],
        "consent": [(name, "given" if given else "refused") for name, given in record["consent"].items()],
        "suppressions": [(each["key"], ", ".join(each["tiers"]), each["until"]) for each in record["suppressions"]],
        "history": [
            (name.replace("|", " · "), cell["count"], cell["first"], cell["last"])
            for name, cell in record["history"].items()
        ],
        "marks": [
            (name.partition("|")[2], f"version {mark['version']}", mark["arm"])
            for name, mark in record["marks"].items()
        ],
    }


def _age(cell: Mapping[str, Any]) -> str:
    seconds = cell["age_seconds"]
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def _placement(placement: Json, trait: May, campaign: May, hidden: str, others: str) -> Json:
    rows = [_candidate(each, campaign, others) for each in placement["candidates"]]
    body = {**placement, "candidates": rows}
    change = placement.get("smallest_change")
    if change is not None:
        unseen = frozenset(key for each in placement["candidates"] if not campaign(key := each["campaign"]))
        body["smallest_change"] = _change(change, trait, hidden, unseen, others)
    return body


def _candidate(candidate: Json, campaign: May, others: str) -> Json:
    """Of a campaign that this person may not see only the reason is told."""
    if not campaign(candidate["campaign"]):
        return {"campaign": others, "reason": candidate["reason"], "tier": candidate["tier"], "secret": True}
    return {
        **candidate,
        "counters": [_counter(each) for each in candidate["counters"]],
        "draws": [f"{each['test'].replace('|', ' ')}: bucket {each['bucket']}, {each['outcome']}" for each in
                  candidate["draws"]],
    }  # fmt: skip


def _counter(counter: Json) -> str:
    resets = f", below it at {counter['resets_at']}" if counter["resets_at"] else ""
    return (
        f"{counter['cell'].replace('|', ' · ')}: {counter['count']} of {counter['limit']}, {counter['window']}{resets}"
    )


def _change(change: Json, trait: May, hidden: str, unseen: frozenset[str], others: str) -> Json:
    """A sentence about a sensitive trait names the trait alone; a rival of another team goes unnamed."""
    sentences = [
        each["sentence"]
        if each["kind"] not in ("trait", "freshness") or trait(each["name"])
        else f"trait {each['name']} is otherwise ({hidden})"
        for each in change["changes"]
    ]
    told = {**change, "changes": sentences}
    for name in ("detail", "release_edit"):
        for key in unseen:
            told[name] = told.get(name, "").replace(key, others)
    return told


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
