"""How does a version of a journey read in sentences?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from audiences.admin.rules import reading
from audiences.admin.showing import counted, span
from campaigns import journeydocs
from campaigns.models import JourneyVersion

POLICIES = {
    "STAY": "Those inside finish under their version.",
    "MOVE": "Those inside go on at the step of the same key; whose step is gone, leaves.",
    "LEAVE": "Those inside leave.",
}


def sentences(version: JourneyVersion) -> list[str]:
    """Everything that the version says, as it stands."""
    content = journeydocs.content(version)
    doc = content["version"]
    said = [_entry(doc["anchor"]), *_rules(doc), *(_step(step) for step in doc["steps"])]
    said.append(f"It is over after {_span(doc['length'])}{_rest(doc['rest'])}.")
    if doc["exits"]:
        said.append(f"It ends at once by {' or '.join(event(cell) for cell in doc['exits'])}.")
    said.append(_again(content["re_entry"]))
    if content["group"]:
        said.append(f"One of the group {content['group']} at a time; its priority there is {content['priority']}.")
    return said if version.number == 1 else [*said, POLICIES[doc["policy"]]]


def event(cell: str) -> str:
    """ "campaign|spring|click" as "click of campaign spring"."""
    scope, _, rest = cell.partition("|")
    key, _, happening = rest.rpartition("|")
    if scope == "event":
        return f"“{key}”"
    what = "anything" if scope == "all" else f"{scope.replace('_', ' ')} {key}"
    return f"{happening} of {what}"


def _entry(anchor: Mapping[str, Any]) -> str:
    if anchor["kind"] == "DATE":
        days = anchor["days"]
        when = "on" if not days else f"{counted(abs(days), 'day')} {'after' if days > 0 else 'before'}"
        return f"One enters {when} the date {anchor['trait'] or '…'}, at local midnight."
    times = "the first" if anchor["count"] == 1 else f"{anchor['count']} times"
    within = f" within {_span(anchor['window'])}" if anchor["window"] else ""
    return f"One enters by {event(anchor['cell'])}, {times}{' in one local day' if anchor['local_day'] else within}."


def _rules(doc: Mapping[str, Any]) -> list[str]:
    named = (("gate", "Only who fits"), ("exit_rule", "Nobody while this holds"))
    return [f"{label}: {reading(doc[name])}" for name, label in named if doc[name]]


def _step(step: Mapping[str, Any]) -> str:
    base = "the entry" if step["since"] == "ENTRY" else "the step before it was left"
    later = f"{_span(step['after'])} after" if step["after"] else "at"
    said = [f"opens {later} {base}"]
    if step["closes"] is not None:
        said.append(f"closes after {_span(step['closes'])}")
    if step["rule"]:
        said.append(f"only if {reading(step['rule'])}")
    if step["otherwise"]:
        said.append(f"else {step['otherwise']} stands in")
    for leave in step["leaves"]:
        said.append(f"left by {event(leave['cell'])}" + (f" for {leave['to']}" if leave["to"] else ""))
    return f"{step['key']}: {'; '.join([*said, *_effects(step)])}."


def _effects(step: Mapping[str, Any]) -> list[str]:
    said = []
    if step["then"]:
        said.append("then it is over" if step["then"] == "end" else f"then {step['then']}")
    if step["prefer"]:
        said.append(f"{', '.join(step['prefer'])} first")
    if step["suppress"]:
        said.append(f"keeps {', '.join(name.replace('|', ' ') for name in step['suppress'])} quiet")
    if step["pin"]:
        said.append(f"the first offer stays for {_span(step['pin'])}")
    return said


def _again(re_entry: int | None) -> str:
    return "It is entered once." if re_entry is None else f"It may be entered again {_span(re_entry)} after leaving."


def _rest(rest: int) -> str:
    return f", then rests for {_span(rest)}" if rest else ""


def _span(length: int) -> str:
    return span(timedelta(microseconds=length))
