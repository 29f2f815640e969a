"""Is this document a rule, and if not, what are all the reasons?"""

from typing import Any

import msgspec

from audiences.rules.graph import check_graph
from audiences.rules.leaves import READERS
from audiences.rules.nodes import All, AnyOf, Leaf, Node, Not, Rule
from audiences.rules.operands import keys_fit
from audiences.rules.problems import Findings, Problem, shown
from audiences.rules.vocabulary import EVERYWHERE, Kind, Vocabulary

VERSION = 1
MOST_BYTES = 64 * 1024
MOST_LEAVES = 100
DEEPEST = 6

_KINDS = ("all", "any", "not", *(kind.value for kind in Kind))


# Leaves that have been read before under the same vocabulary, by their text. Audiences are none of them.
KnownLeaves = dict[bytes, Leaf]


def parse(
    document: object, vocabulary: Vocabulary, *, allow: frozenset[Kind] = EVERYWHERE, name: str | None = None,
    known: KnownLeaves | None = None,
) -> Rule | list[Problem]:  # fmt: skip
    """The rule, or every problem at once; never raises on a bad document.

    ``document`` is JSON text or bytes, or its decoded form. ``allow`` names the kinds of leaf that may stand here.
    ``name`` is the slug of the audience this rule defines, so that a circle through it is found.
    ``known`` spares many rules of one vocabulary reading the same leaves.
    """
    reading = _Reading(vocabulary, allow, known)
    findings = reading.findings
    plain = _plain(document, findings)
    node = None if findings.problems else reading.document(plain)
    if node is None or findings.problems:
        return findings.problems
    rule = Rule(node)
    check_graph(findings, rule, vocabulary.audiences, name)
    return findings.problems or rule


def _plain(document: object, findings: Findings) -> Any:
    """The document as plain JSON values. Objects take the way over text, so that nothing but JSON comes through."""
    try:
        text = document if isinstance(document, bytes | str) else msgspec.json.encode(document)
        size = len(text.encode() if isinstance(text, str) else text)
        if size > MOST_BYTES:
            findings.add("rule.too_large", "$", f"{size} bytes are too many.", f"A rule has at most {MOST_BYTES}.")
            return None
        return msgspec.json.decode(text)
    except RecursionError:
        findings.add("rule.too_deep", "$", "The document is nested too deeply.", f"Nest at most {DEEPEST} deep.")
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        findings.add("rule.not_json", "$", "This is not a JSON document.", f"Mend: {shown(str(error))}")
    return None


class _Reading:
    """One pass over one document."""

    def __init__(self, vocabulary: Vocabulary, allow: frozenset[Kind], known: KnownLeaves | None) -> None:
        self.known = known
        self.vocabulary = vocabulary
        self.allow = allow
        self.findings = Findings()
        self.leaf_count = 0

    def document(self, plain: object) -> Node | None:
        if not isinstance(plain, dict):
            self.findings.add("rule.document", "$", "A rule is a JSON object.", 'Write {"v": 1, "rule": {...}}.')
            return None
        keys_fit(self.findings, plain, "$", required=("v", "rule"))
        if "v" in plain and (isinstance(plain["v"], bool) or plain["v"] != VERSION):
            self.findings.add(
                "rule.version", "$.v", f"{shown(plain['v'])} is not a known version.", f"Write {VERSION}."
            )
        node = self.node(plain["rule"], "$.rule", 1) if "rule" in plain else None
        if self.leaf_count > MOST_LEAVES:
            self.findings.add(
                "rule.too_many_leaves",
                "$.rule",
                f"{self.leaf_count} conditions are too many.",
                f"Use at most {MOST_LEAVES}; move some into an audience and name that.",
            )
        return node

    def node(self, raw: object, where: str, depth: int) -> Node | None:
        if depth > DEEPEST:
            self.findings.add("rule.too_deep", where, "This is nested too deeply.", f"Nest at most {DEEPEST} deep.")
            return None
        kinds = [kind for kind in _KINDS if kind in raw] if isinstance(raw, dict) else []
        if not isinstance(raw, dict) or len(kinds) != 1:
            self.findings.add(
                "rule.node",
                where,
                f"{shown(raw)} is not one condition.",
                f"Write an object with exactly one of: {', '.join(_KINDS)}.",
            )
            return None
        kind = kinds[0]
        if kind in ("all", "any"):
            return self.group(raw, kind, where, depth)
        if kind == "not":
            keys_fit(self.findings, raw, where, required=("not",))
            below = self.node(raw["not"], f"{where}.not", depth + 1)
            return Not(below) if below is not None else None
        return self.leaf(Kind(kind), raw, where)

    def group(self, raw: dict[str, Any], kind: str, where: str, depth: int) -> Node | None:
        keys_fit(self.findings, raw, where, required=(kind,))
        members = raw[kind]
        if not isinstance(members, list):
            self.findings.add(
                "rule.group",
                f"{where}.{kind}",
                f"{shown(members)} is not a list.",
                "Write conditions in brackets.",
            )
            return None
        below = [self.node(member, f"{where}.{kind}[{at}]", depth + 1) for at, member in enumerate(members)]
        nodes = tuple(node for node in below if node is not None)
        return All(nodes) if kind == "all" else AnyOf(nodes)

    def leaf(self, kind: Kind, raw: dict[str, Any], where: str) -> Leaf | None:
        self.leaf_count += 1
        if kind not in self.allow:
            allowed = ", ".join(sorted(self.allow))
            self.findings.add(
                "rule.not_here",
                where,
                f'A "{kind}" condition cannot be answered here.',
                f"Use one of: {allowed}.",
            )
        if self.known is None or kind is Kind.AUDIENCE:
            return READERS[kind](self.findings, self.vocabulary, raw, where)
        text = msgspec.json.encode(raw)
        found = self.known.get(text)
        if found is None:
            before = len(self.findings.problems)
            found = READERS[kind](self.findings, self.vocabulary, raw, where)
            if found is not None and len(self.findings.problems) == before:
                self.known[text] = found
        return found
