"""What does this call say of one attribute?

None is missing. ODD is a value that its type does not allow: rules asked about it may raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from audiences.hashing import bucket
from audiences.rules import Env
from merch.engine.facts import SubjectRecord
from merch.engine.law import Law


class Asker(Protocol):
    """What the index reads of a call: merch.engine.call.Call."""

    @property
    def billing(self) -> str | None: ...
    @property
    def env(self) -> Env: ...
    @property
    def law(self) -> Law: ...
    @property
    def readable(self) -> bool: ...
    @property
    def record(self) -> SubjectRecord: ...


Read = Callable[[Asker], Any]
ODD: Final = object()


def trait(name: str, expires: int | None) -> Read:
    """A value older than ``expires`` is missing."""

    def read(call: Asker) -> Any:
        known = call.env.traits.get(name)
        if known is None or (expires is not None and call.env.now - known[1] > expires):
            return None
        return ODD if known[0] is None else known[0]

    return read


def context(name: str) -> Read:
    """A value of the request."""

    def read(call: Asker) -> Any:
        return call.env.ctx.get(name)

    return read


def age_in_days(of: Read) -> Read:
    """How many days before today a day was."""

    def read(call: Asker) -> Any:
        day = of(call)
        if day is None:
            return None
        return call.env.today - day if type(day) is int else ODD

    return read


def age(of: Read) -> Read:
    """How many microseconds before now a moment was."""

    def read(call: Asker) -> Any:
        moment = of(call)
        if moment is None:
            return None
        return call.env.now - moment if type(moment) is int else ODD

    return read


def drawn(salt: str) -> Read:
    """The bucket of the subject; never missing."""

    def read(call: Asker) -> int:
        return bucket(salt, call.env.key)

    return read
