"""Does a creative's content fit its format, and does it say nothing that it must not?

Pure. The types of field: text, url, image, cta ({"label", "href"}) and bool. No HTML anywhere; the only braces are
{price}, {then} and {saving}. Amounts never stand in the text, in any spelling, nor do digits touch a placeholder, so
that what a creative says it costs is what the quote says. A percentage is no amount: "50 % off" may stand, and {saving}
says what it comes to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from audiences.rules import BadValue, Type, ValueType, encode_trait
from campaigns.links import objection
from campaigns.problems import Problem

PLACEHOLDERS = ("price", "then", "saving")
LONGEST_TEXT = 4_000
LONGEST_LABEL = 60
MOST_FIELDS = 40

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_PLACEHOLDER = re.compile(r"\{(price|then|saving)\}")
# 1{price} would read as 1119.00, and so would 1 {price} where groups of digits stand apart.
_ONE = r"\{(?:price|then|saving)\}"
_TOUCHED = re.compile(rf"(?:\d(?:[.,'+-]+|\s)?|[-−–+]){_ONE}|{_ONE}(?:[.,']?\d|\s\d{{3}}(?!\d)|\{{)")
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&[a-zA-Z#][a-zA-Z0-9]{1,31};")
# What currencies are called in prose. Signs ($, €, ₹ ...) are known by their Unicode category.
_NAMES = (
    r"kr|zł\w*|kč|ft|lei|лв|грн|руб\w*|fr|rp|rm|tl|rs|usd|eur|gbp|sek|nok|dkk|chf|jpy|brl|inr|mxn|pln|czk|huf|ron|cad|aud"
    r"|nzd|krw|cny|hkd|sgd|twd|thb|idr|myr|vnd|zar|aed|sar|egp|ngn|kes|uah|rub|bgn|isk|ils|clp|ars|uyu|dollars?|euro[san]?"
    r"|euró\w*|pounds?|kron(?:a|or|er|en)|yen|yuan|reais|rupees?|cents?|pence|pesos?|francs?|franken|liras?|lire|forint"
    r"|baht|د\.إ|ر\.س|درهم|ريال"
)
# These also mean something else before a number: "won 5 awards".
_AFTER_ONLY = r"|won|rand|bucks?|quid|crowns?"
_HOW_MANY = r"(?:k|mio\.?|million|thousand)?\s?"
# Two decimals, grouped or not; 8.9.40 is a version.
_DECIMALS = r"(?<![\d.,'])(?:\d{1,3}(?:[.,' ]\d{3})+|\d+)[.,']\d\d(?!\d|[.,']\d)"
_AMOUNT = re.compile(
    rf"{_DECIMALS}|\d\s?¤|¤\s?[.,]?\d|\d\s?[:,][-–—]|(?<!\d)\d\dp\b|\d\s?[円元圆원]"
    rf"|(?<![a-z])\d[\d.,' –—-]*{_HOW_MANY}(?:{_NAMES}{_AFTER_ONLY})\b|\b(?:{_NAMES})\.?\s?\d",
    re.IGNORECASE,
)


_VERSION = ValueType(Type.VERSION)


def schema_problems(fields: object) -> list[Problem]:
    """What is wrong with a format's list of fields."""
    if not isinstance(fields, list) or len(fields) > MOST_FIELDS:
        hint = 'Write [{"name": "title", "type": "text", "required": true, "max_length": 60}, ...].'
        return [Problem("format.fields", f"Fields are a list of at most {MOST_FIELDS} objects.", hint)]
    found = [problem for at, field in enumerate(fields, 1) for problem in _field_problems(at, field)]
    names = [field.get("name") for field in fields if isinstance(field, Mapping)]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    return found + [Problem("format.twice", f"The field {name} is there twice.", "Rename one.") for name in twice]


def version_problems(minimum: object) -> list[Problem]:
    """What is wrong with a format's first app versions: one that cannot be read would stop every publication."""
    hint = 'Write {"ios": "8.9.0", "android": "8.9"}.'
    if not isinstance(minimum, Mapping):
        return [Problem("format.versions", "First app versions are an object.", hint)]
    found = []
    for platform, text in minimum.items():
        try:
            encode_trait(_VERSION, text)
        except BadValue as wrong:
            found.append(Problem("format.versions", f"First app version on {platform}: {wrong.sentence}", wrong.hint))
    return found


def _field_problems(at: int, field: object) -> Iterator[Problem]:
    if not isinstance(field, Mapping):
        yield Problem("format.field", f"Field {at} is not an object.", 'Write {"name": "title", "type": "text"}.')
        return
    unknown = sorted(map(str, set(field) - {"name", "type", "required", "max_length"}))
    if unknown:
        yield Problem("format.field", f"Field {at} has {', '.join(unknown)}.", "Keep name, type, required, max_length.")
    if not isinstance(field.get("name"), str) or not _NAME.fullmatch(field["name"]):
        yield Problem("format.name", f"Field {at} has no usable name.", "Use lower-case letters, digits and _.")
    if field.get("type", "text") not in READERS:
        yield Problem("format.type", f"Field {at} is of no known type.", f"Use one of {', '.join(READERS)}.")
    if not isinstance(field.get("required", True), bool):
        yield Problem("format.required", f"required of field {at} is not yes or no.", "Write true or false.")
    longest = field.get("max_length")
    if longest is not None and (isinstance(longest, bool) or not isinstance(longest, int) or longest < 1):
        yield Problem("format.max_length", f"max_length of field {at} is no whole number.", "Write 60, or leave it.")


def content_problems(
    schema: Sequence[Mapping[str, Any]], values: object, where: str, schemes: Collection[str]
) -> list[Problem]:
    """What is wrong with the fields of one locale. ``where`` names them: "spring-hero in sv-SE"."""
    if not isinstance(values, Mapping):
        return [Problem("creative.fields", f"The fields of {where} are not an object.", "Write {name: value}.")]
    names = [field["name"] for field in schema]
    found = [
        Problem("creative.unknown_field", f"{where} has a field {name}.", f"Its format has: {', '.join(names)}.")
        for name in sorted(map(str, set(values) - set(names)))
    ]
    for field in schema:
        value = values.get(field["name"])
        if value not in (None, "", {}):
            reader = READERS[field.get("type", "text")]
            found += reader(value, f"{field['name']} of {where}", field.get("max_length"), schemes)
        elif field.get("required", True):
            found.append(Problem("creative.field_missing", f"{field['name']} of {where} is empty.", "Fill it in."))
    return found


def placeholders(values: object) -> frozenset[str]:
    """Every {price}, {then} and {saving} anywhere in the fields."""
    return frozenset(name for text in _texts(values) for name in _PLACEHOLDER.findall(text))


def amount_in(text: str) -> str | None:
    """What reads like an amount of money in the text, or None."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join("¤" if unicodedata.category(each) == "Sc" else each for each in plain)
    found = _AMOUNT.search(plain)
    return found[0].strip() if found else None


def _texts(values: object) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from _texts(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _texts(value)


def _text(value: object, where: str, longest: int | None, schemes: Collection[str]) -> list[Problem]:
    if not isinstance(value, str):
        return [Problem("creative.type", f"{where} is not a text.", "Write a text.")]
    found: list[Problem] = []
    most = longest or LONGEST_TEXT
    if len(value) > most:
        hint = f"Shorten it to {most}; a filled-in price takes about 10."
        found.append(Problem("creative.too_long", f"{where} has {len(value)} characters.", hint))
    if any(_strange(character) for character in value):
        hint = "Type it again instead of pasting it."
        found.append(Problem("creative.characters", f"{where} contains control or invisible characters.", hint))
    if _MARKUP.search(value):
        found.append(Problem("creative.markup", f"{where} contains HTML.", "Write plain text."))
    rest = _PLACEHOLDER.sub("", value)
    if "{" in rest or "}" in rest:
        hint = f"Use {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)} and no other braces."
        found.append(Problem("creative.placeholder", f"{where} contains an unknown placeholder.", hint))
    if _TOUCHED.search(value):
        hint = "Put a word between them, or the reader sees another amount."
        found.append(Problem("creative.amount", f"{where} has digits or an amount right beside a placeholder.", hint))
    amount = amount_in(rest)
    if amount:
        hint = "Write {price}, {then} or {saving}; the quote fills in what is charged."
        found.append(Problem("creative.amount", f'{where} contains an amount: "{amount}".', hint))
    return found


def _strange(character: str) -> bool:
    # Joiners and variation selectors (Mn) belong to emoji and to many scripts.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character not in "\n\u200c\u200d\u00ad"


def _url(value: object, where: str, longest: int | None, schemes: Collection[str]) -> list[Problem]:
    wrong = objection(value, schemes)
    if wrong is None:
        return []
    return [Problem("creative.link", f"{where}: the link {wrong}.", "Use https:// or a scheme of the app.")]


def _image(value: object, where: str, longest: int | None, schemes: Collection[str]) -> list[Problem]:
    return _url(value, where, longest, ())


def _cta(value: object, where: str, longest: int | None, schemes: Collection[str]) -> list[Problem]:
    if not isinstance(value, Mapping) or set(value) != {"label", "href"}:
        return [Problem("creative.type", f"{where} is not a call to action.", 'Write {"label": ..., "href": ...}.')]
    label = value["label"]
    if label in (None, ""):
        return [Problem("creative.field_missing", f"The label of {where} is empty.", "Fill it in.")]
    found = _text(label, f"the label of {where}", longest or LONGEST_LABEL, schemes)
    return found + _url(value["href"], where, None, schemes)


def _bool(value: object, where: str, longest: int | None, schemes: Collection[str]) -> list[Problem]:
    return (
        [] if isinstance(value, bool) else [Problem("creative.type", f"{where} is not yes or no.", "Tick or untick.")]
    )


READERS: dict[str, Callable[[object, str, int | None, Collection[str]], list[Problem]]] = {
    "text": _text,
    "url": _url,
    "image": _image,
    "cta": _cta,
    "bool": _bool,
}
