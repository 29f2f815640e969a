"""What may a rule read when it is asked about one subject at one moment?"""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from audiences.rules.days import DayStarts, day_of


class HistoryCell(Struct, gc=False):
    """How often one (scope, key, happening) came. Moments in UTC microseconds; ``instants``: the newest, ascending."""

    count: int
    first: int
    last: int
    instants: tuple[int, ...] = ()


class Cells(Protocol):
    """History by (scope, key, happening): a dict, or a view of a record that spells its keys otherwise."""

    def get(self, key: tuple[str, str, str], /) -> Any:
        """The HistoryCell, or None where nothing was ever counted."""
        ...


class Env(Struct, gc=False):
    """Stored values by name. A trait or context value that is missing has no entry; neither is ever None.

    ``traits``   name -> (stored value, observed-at in UTC microseconds)
    ``ctx``      name -> stored value
    ``history``  (scope, key, happening) -> cell; the key is "" for the scope "all"
    ``bits``     behaviour bits: ``int.from_bytes(record, "little")``; 0 without a record
    ``key``      the bare subject id, for bucket leaves
    ``now``      UTC microseconds; ``today``: its day where the account lives; ``day_start``: when that day began
    ``starts``   when any other day began there; None: days are 24 hours long
    """

    traits: Mapping[str, tuple[Any, int]]
    ctx: Mapping[str, Any]
    history: Cells
    bits: int
    key: str
    now: int
    today: int
    day_start: int
    starts: DayStarts | None = None


def env_at(
    now: int,
    *,
    key: str,
    traits: Mapping[str, tuple[Any, int]] | None = None,
    ctx: Mapping[str, Any] | None = None,
    history: Mapping[tuple[str, str, str], HistoryCell] | None = None,
    bits: int = 0,
    utc_offset: int = 0,
) -> Env:
    """An Env whose day follows from ``now`` and a fixed offset (microseconds, east positive). For tests and batch work;
    the decision hands in the day from its release's transition table."""
    today, day_start = day_of(now, utc_offset)
    return Env(traits or {}, ctx or {}, history or {}, bits, key, now, today, day_start)
