"""Is this history leaf well formed: of what, in which window, and are enough instants kept to answer it?"""

from __future__ import annotations

from typing import Any

from audiences.rules.instants import MOST_INSTANTS, instants_needed
from audiences.rules.nodes import HistoryLeaf, Window
from audiences.rules.operands import (
    LONGEST_NAME,
    LONGEST_WINDOW,
    WHOLE,
    Raw,
    choice,
    days_window,
    keys_fit,
    not_negative,
    read_operand,
)
from audiences.rules.operators import COUNTS, HISTORY_LAST
from audiences.rules.problems import Findings, shown
from audiences.rules.vocabulary import BEGINNINGS, BEGUN_IN, SCOPES, Vocabulary

MOST = {"hours": 24 * LONGEST_WINDOW, "months": 120}
WINDOWS = ', {"hours": n}, {"months": n}, {"since": {"history": ..., "of": ...}}, "local_day" or "lifetime"'

Cell = tuple[str, str, str]


def read_history(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> HistoryLeaf | None:
    """The leaf; None after reporting what is wrong."""
    keys_fit(findings, raw, where, required=("history", "agg", "of", "op"), optional=("key", "window", "value"))
    cell = _cell(findings, vocabulary, raw, where)
    agg = choice(findings, raw.get("agg", "count"), ("count", "last", "first"), f"{where}.agg")
    window = _window(findings, vocabulary, agg, raw, where)
    operand = read_operand(findings, WHOLE, COUNTS if agg == "count" else HISTORY_LAST, raw, where)
    if cell is None or agg is None or operand is None:
        return None
    scope, key, happening = cell
    leaf = HistoryLeaf(scope, key, agg, happening, *operand, window=window)
    if agg == "count":
        not_negative(findings, leaf.value, f"{where}.value")
    if instants_needed(leaf) > MOST_INSTANTS:
        findings.add(
            "rule.history_bound",
            f"{where}.value",
            f"At most {MOST_INSTANTS} newest happenings are kept per subject.",
            "Ask for fewer, count over a lifetime, or use an event condition, which a run computes.",
        )
    return leaf


def _cell(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Cell | None:
    scope = choice(findings, raw["history"], SCOPES, f"{where}.history")
    happening = choice(findings, raw.get("of", "custom"), sorted(vocabulary.happenings), f"{where}.of")
    key = _key(findings, vocabulary, scope, raw, where) if scope else ""
    if scope is None or happening is None:
        return None
    if happening in BEGINNINGS and scope not in BEGUN_IN:
        findings.add(
            "rule.choice",
            f"{where}.of",
            f"{happening} is counted for plans and plan groups only.",
            "Use the scope plan_group, or of conversion.",
        )
    return scope, key, happening


def _key(findings: Findings, vocabulary: Vocabulary, scope: str, raw: Raw, where: str) -> str:
    key, at = raw.get("key", ""), f"{where}.key"
    if scope == "all":
        if "key" in raw:
            findings.add("rule.unknown_key", at, "The history of everything has no key.", "Leave key out.")
        return ""
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_NAME:
        findings.add("rule.missing_key", at, f"It is not said which {scope}.", f'Add "key": the {scope} to look up.')
        return ""
    known = vocabulary.keys.get(scope)
    if scope == "event":
        known = frozenset(name for name, event in vocabulary.events.items() if event.in_history)
    if known is not None and key not in known:
        findings.unknown("event in history" if scope == "event" else scope.replace("_", " "), key, known, at)
    return key


def _window(findings: Findings, vocabulary: Vocabulary, agg: str | None, raw: Raw, where: str) -> Window | None:
    at, window = f"{where}.window", raw.get("window")
    if agg != "count":
        if "window" in raw:
            findings.add("rule.window", at, f"{agg} looks at all history.", "Leave window out.")
        return None
    if window in ("lifetime", "local_day"):
        return Window("lifetime" if window == "lifetime" else "local_day")
    if isinstance(window, dict) and set(window) == {"since"}:
        return _since(findings, vocabulary, window["since"], f"{at}.since")
    if isinstance(window, dict) and len(window) == 1 and set(window) <= MOST.keys():
        ((unit, size),) = window.items()
        return _sized(findings, unit, size, at)
    return Window("days", days_window(findings, window, at, also=WINDOWS))


def _sized(findings: Findings, unit: Any, size: object, where: str) -> Window | None:
    if isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MOST[unit]:
        return Window(unit, size)
    findings.add("rule.window", where, f"{shown(size)} is not a number of {unit}.", f"Write 1 to {MOST[unit]}.")
    return None


def _since(findings: Findings, vocabulary: Vocabulary, raw: object, where: str) -> Window | None:
    """The window that begins with the last time of something else."""
    if not isinstance(raw, dict) or "history" not in raw:
        hint = 'Write such as {"history": "plan_group", "key": "music", "of": "trial"}.'
        findings.add("rule.window", where, f"{shown(raw)} names nothing that happened.", hint)
        return None
    keys_fit(findings, raw, where, required=("history", "of"), optional=("key",))
    cell = _cell(findings, vocabulary, raw, where)
    return None if cell is None else Window("since", since=cell)
