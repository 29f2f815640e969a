"""What does this formula say, or what is wrong with it?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from audiences.rules import Problem, Type, Vocabulary
from audiences.rules.problems import Findings, nearest, shown
from campaigns.formula.values import (
    COMPARISONS,
    FUNCTIONS,
    Constant,
    Operands,
    Value,
    calculated,
    compared,
    missing,
    named,
    negated,
)

LONGEST, DEEPEST = 2_000, 20
PLACES: Final = 9
PLAIN: Final = ("priority", "weight", "price", "saving", "total_12m", "days_left")
HOUR: Final = "ctx.hour"
OF_TRAITS: Final = frozenset({Type.INT, Type.DECIMAL, Type.BOOL, Type.DATE, Type.TIMESTAMP})
OF_CONTEXTS: Final = frozenset({Type.INT, Type.DECIMAL, Type.BOOL})
MOST_DIGITS = 15

_TOKENS = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/(),<>])|(?P<space>\s+)|(?P<stray>.)",
    re.DOTALL | re.ASCII,
)


class Formula(NamedTuple):
    """A formula that was read: its text, the names it reads, and the function it is."""

    text: str
    reads: frozenset[str]
    value: Value

    def score(self, operands: Operands) -> float | None:
        """The value, rounded to 1e-9; None: missing."""
        value = self.value(operands)
        return None if value is None else round(value, PLACES) + 0.0


def read(text: str, words: Vocabulary) -> Formula | list[Problem]:
    """The formula, or everything that is wrong with it, each with its place and the way out."""
    findings = Findings()
    if not text.strip():
        findings.add("formula.empty", "the formula", "It is empty.", "Write such as priority + 10 * weight.")
    elif len(text) > LONGEST:
        sentence = f"It has {len(text)} characters."
        findings.add("formula.long", "the formula", sentence, f"Use at most {LONGEST}.")
    if findings.problems:
        return findings.problems
    reader = _Reader(text, words, findings)
    value = reader.whole()
    return findings.problems or Formula(text, frozenset(reader.names), value)


def names_of(words: Vocabulary) -> list[str]:
    """Every name that a formula may use."""
    traits = [f"trait.{name}" for name, of in words.traits.items() if of.type in OF_TRAITS]
    contexts = [f"ctx.{name}" for name, of in words.contexts.items() if of.type in OF_CONTEXTS]
    return [*PLAIN, *sorted(traits), *sorted({*contexts, HOUR})]


class _Token(NamedTuple):
    kind: str  # number, name, sign or end
    text: str
    at: int  # from 0


class _Stop(Exception):
    """What stands here cannot be read on; it has been reported."""


class _Reader:
    """Recursive descent: comparison, sum, product, sign, atom. Sums and products are read flat, however long."""

    def __init__(self, text: str, words: Vocabulary, findings: Findings) -> None:
        self.words = words
        self.findings = findings
        self.tokens = list(self._tokens(text))
        self.position = 0
        self.depth = 0
        self.names: set[str] = set()

    def whole(self) -> Value:
        try:
            value = self._comparison()
            if self._now.kind != "end":
                self._refuse("formula.rest", f"{shown(self._now.text)} does not go on from there.", "Put + - * / or ,.")
        except _Stop:
            return missing
        return value

    def _tokens(self, text: str) -> Iterator[_Token]:
        for found in _TOKENS.finditer(text):
            kind = str(found.lastgroup)
            if kind == "stray":
                hint = "Use numbers, names, + - * / ( ) , and comparisons."
                self._add("formula.stray", found.start(), f"{shown(found[0])} means nothing here.", hint)
            elif kind != "space":
                yield _Token(kind, found[0], found.start())
        yield _Token("end", "", len(text))

    @property
    def _now(self) -> _Token:
        return self.tokens[self.position]

    def _take(self, *signs: str) -> str | None:
        """The sign that stands here, if it is one of these, read over."""
        token = self._now
        if token.kind != "sign" or token.text not in signs:
            return None
        self.position += 1
        return token.text

    def _comparison(self) -> Value:
        left = self._sum()
        sign = self._take(*COMPARISONS)
        if sign is None:
            return left
        value = compared(sign, left, self._sum())
        if self._now.text in COMPARISONS:
            self._refuse("formula.chain", "A comparison does not chain.", "Write if(a < b, b < c, 0).")
        return value

    def _sum(self) -> Value:
        parts = [("+", self._product())]
        while sign := self._take("+", "-"):
            parts.append((sign, self._product()))
        return parts[0][1] if len(parts) == 1 else calculated(parts)

    def _product(self) -> Value:
        parts = [("*", self._signed())]
        while sign := self._take("*", "/"):
            at = self._now.at
            parts.append((sign, self._signed()))
            if sign == "/" and getattr(parts[-1][1], "constant", None) == 0:
                self._add("formula.zero", at, "It divides by 0.", "Divide by something else.")
        return parts[0][1] if len(parts) == 1 else calculated(parts)

    def _signed(self) -> Value:
        sign = self._take("-", "+")
        if sign is None:
            return self._atom()
        if self._now.text in ("-", "+"):
            self._refuse("formula.signs", "Two signs follow each other.", "Keep one.")
        value = self._atom()
        return negated(value) if sign == "-" else value

    def _atom(self) -> Value:
        token = self._now
        if self._take("("):
            value = self._nested(self._comparison)
            self._close(token)
            return value
        if token.kind not in ("number", "name"):
            said = "The formula ends where a number is due." if token.kind == "end" else ""
            said = said or f"{shown(token.text)} stands where a number is due."
            self._refuse("formula.due", said, "Write a number, a name or ( there.")
        self.position += 1
        if token.kind == "number":
            return self._number(token)
        return self._call(token) if self._take("(") else self._name(token)

    def _nested(self, what: Callable[[], Value]) -> Value:
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse("formula.deep", f"It nests deeper than {DEEPEST}.", "Take a part out of its brackets.")
        value = what()
        self.depth -= 1
        return value

    def _close(self, opened: _Token) -> None:
        if not self._take(")"):
            sentence = f"The ( of character {opened.at + 1} is not closed."
            self._refuse("formula.open", sentence, "Write ) here, or remove it there.")

    def _number(self, token: _Token) -> Value:
        if len(token.text.replace(".", "")) > MOST_DIGITS:
            self._add("formula.digits", token.at, "The number is too long.", f"Use at most {MOST_DIGITS} digits.")
        return Constant(float(token.text))

    def _name(self, token: _Token) -> Value:
        name = token.text
        if name in FUNCTIONS:
            usage = FUNCTIONS[name].usage
            self._add("formula.call", token.at, f"{name} is not followed by (.", f"Write {usage}.")
        elif (objection := self._objection(name)) is not None:
            self._add("formula.name", token.at, *objection)
        self.names.add(name)
        return named(name)

    def _objection(self, name: str) -> tuple[str, str] | None:
        """Why this name cannot be read, and what can."""
        if name in PLAIN or name == HOUR:
            return None
        scope, _, rest = name.partition(".")
        declared: Mapping[str, Type] = {}
        if scope in ("trait", "ctx"):
            found = self.words.traits if scope == "trait" else self.words.contexts
            declared = {each: of.type for each, of in found.items()}
        if rest not in declared:
            return f"There is nothing named {shown(name)}.", nearest(name, names_of(self.words), "name")
        allowed = OF_TRAITS if scope == "trait" else OF_CONTEXTS
        if declared[rest] in allowed:
            return None
        kinds = ", ".join(sorted(allowed))
        return f"{name} is of type {declared[rest]}, which is no number.", f"Use one of type {kinds}."

    def _call(self, name: _Token) -> Value:
        bracket = self.tokens[self.position - 1]
        arguments = [self._nested(self._comparison)]
        while self._take(","):
            arguments.append(self._nested(self._comparison))
        self._close(bracket)
        function = FUNCTIONS.get(name.text)
        if function is None:
            hint = nearest(name.text, FUNCTIONS, "function")
            self._add("formula.function", name.at, f"There is no function {shown(name.text)}.", hint)
            return missing
        if not function.least <= len(arguments) <= function.most:
            sentence = f"{name.text} has {len(arguments)} argument{'s' if len(arguments) > 1 else ''}."
            self._add("formula.arguments", name.at, sentence, f"Write {function.usage}.")
            return missing
        return function.of(arguments)

    def _add(self, id_: str, at: int, sentence: str, hint: str) -> None:
        self.findings.add(id_, f"character {at + 1}", sentence, hint)

    def _refuse(self, id_: str, sentence: str, hint: str) -> None:
        self._add(id_, self._now.at, sentence, hint)
        raise _Stop
