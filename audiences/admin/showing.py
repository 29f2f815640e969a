"""How do times, durations, lists and JSON read on a page?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NOTHING = "–"
_UNITS = ((timedelta(weeks=1), "week"), (timedelta(days=1), "day"), (timedelta(hours=1), "hour"))


def moment(value: datetime | None, zone: str = "UTC") -> str:
    """A short moment that always names its zone: 22 Nov 2026, 12:00 UTC."""
    if value is None:
        return NOTHING
    local = value.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    return f"{local:%-d %b %Y, %H:%M} {zone}"


def wall(value: datetime | None) -> str:
    """A wall time, which has no zone of its own; the caller says whose wall."""
    return NOTHING if value is None else f"{value:%-d %b %Y, %H:%M}"


def ago(value: datetime, now: datetime) -> str:
    """How long before ``now``, in one unit: 3 days ago."""
    gone = now - value
    if gone < timedelta(minutes=1):
        return "just now"
    if gone < timedelta(hours=1):
        return f"{_counted(int(gone.total_seconds() // 60), 'minute')} ago"
    unit, word = (timedelta(days=1), "day") if gone >= timedelta(days=1) else (timedelta(hours=1), "hour")
    return f"{_counted(gone // unit, word)} ago"


def span(value: timedelta | None) -> str:
    """A length of time in the largest unit that fits it whole: 7 days, 36 hours, 90 seconds."""
    if value is None:
        return NOTHING
    for unit, word in _UNITS[1:]:
        if value >= unit and not value % unit:
            return _counted(value // unit, word)
    seconds = int(value.total_seconds())
    return _counted(seconds // 60, "minute") if seconds % 60 == 0 and seconds else _counted(seconds, "second")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def counted(number: int, word: str, plural: str = "") -> str:
    """1 campaign, 2,000 campaigns."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def pretty(value: Any) -> str:
    """JSON as people read it: indented, in the order it was written."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def code(value: Any) -> SafeString:
    """Pretty JSON in a block of fixed-width text."""
    return format_html('<pre class="merch-code">{}</pre>', pretty(value))


def lines(values: Iterable[object]) -> SafeString | str:
    """One value per line."""
    return format_html_join("", '<div class="merch-line">{}</div>', ((value,) for value in values)) or NOTHING


def table(headers: Iterable[str], rows: Iterable[Iterable[object]], empty: str = "Nothing yet.") -> SafeString:
    """A small table inside a form; ``empty`` says what to do when there are no rows."""
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows),
    )
    if not body:
        return format_html('<p class="merch-empty">{}</p>', empty)
    head = format_html_join("", '<th scope="col">{}</th>', ((header,) for header in headers))
    return format_html(
        '<div class="merch-scroll"><table class="merch-table"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        head,
        body,
    )


def panel(description: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """A read-only field that asks the database: worked out once per object, however often the form looks at it."""

    def decorated(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        @wraps(function)
        def shown(page: Any, obj: Any) -> Any:
            known = obj.__dict__.setdefault("_merch_panels", {})
            if function.__qualname__ not in known:
                known[function.__qualname__] = function(page, obj)
            return known[function.__qualname__]

        shown.short_description = description  # type: ignore[attr-defined]
        return shown

    return decorated
