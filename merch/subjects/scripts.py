"""Which steps must the serving store take as one? (Scripts in the store; each is atomic there.)"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import hiredis

from merch.subjects.packing import EPOCH_KEY, REBUILD_KEY, TRUST_KEY
from merch.subjects.store import WRITE_DEADLINE, Store
from merch.subjects.wire import Command, Missed


class Refused(Missed):
    """The store answered with an error: out of memory, loading, no permission."""


# A header is two 48-bit numbers, each exact in the script's doubles. Compared as numbers, because comparing
# strings goes by the server's locale.
SET_IF_NEWER = b"""
local function number(text, first)
    local value = 0
    for at = first, first + 5 do value = value * 256 + string.byte(text, at) end
    return value
end
for index, key in ipairs(KEYS) do
    local held = redis.call('GETRANGE', key, 0, 11)
    local new = ARGV[index]
    local newer = #held < 12
    if not newer then
        local held_epoch, new_epoch = number(held, 1), number(new, 1)
        newer = new_epoch > held_epoch or (new_epoch == held_epoch and number(new, 7) > number(held, 7))
    end
    if newer then redis.call('SET', key, new) end
end
return 1
"""
# Only if the key planted when the rebuild began still stands has nothing been lost since.
FINISH_REBUILD = b"""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
"""
# From when on the holds of strict caps are complete, and on which server; asked by merch/subjects/holds.py.
TRUST = b"""
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known = string.match(redis.call('GET', KEYS[1]) or '', '^(%w+) ')
if known == run and ARGV[2] == '0' then return 0 end
local at = redis.call('TIME')
local since = at[1] * 1000 + math.floor(at[2] / 1000) + tonumber(ARGV[1])
redis.call('SET', KEYS[1], run .. ' ' .. string.format('%.0f', since))
return 1
"""


def set_if_newer(store: Store, subjects: Sequence[list[tuple[bytes, bytes]]], seconds: float = WRITE_DEADLINE) -> None:
    """Set each subject's keys where their (epoch, number) is newer than the one held. Raises OSError."""
    calls = []
    for values in subjects:
        keys, new = zip(*values, strict=True)
        calls.append((len(keys), *keys, *new))
    run(store, SET_IF_NEWER, calls, seconds)


def begin_rebuild(store: Store, epoch: int) -> None:
    """Plant the key that shows, at the end, that the store lost nothing meanwhile. Raises OSError."""
    _answered(store.run([("SET", REBUILD_KEY, epoch)]))


def finish_rebuild(store: Store, epoch: int) -> bool:
    """Make the epoch valid. False: the store lost its data since the rebuild began. Raises OSError."""
    return bool(run(store, FINISH_REBUILD, [(2, EPOCH_KEY, REBUILD_KEY, epoch)], WRITE_DEADLINE)[0])


def trust_holds(store: Store, after: int, *, anew: bool = False) -> bool:
    """Trust holds ``after`` so many milliseconds, where this server has none to trust yet, or ``anew``.

    True: they were not trusted so far. Raises OSError.
    """
    return bool(run(store, TRUST, [(1, TRUST_KEY, after, int(anew))], WRITE_DEADLINE)[0])


def state(store: Store) -> tuple[str, bytes | None]:
    """The server's run id and the epoch it holds. Raises OSError."""
    info, epoch = _answered(store.run([("INFO", "server"), ("GET", EPOCH_KEY)]))
    lines = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    return lines["run_id"], epoch


def run(store: Store, script: bytes, calls: Sequence[tuple[Any, ...]], seconds: float) -> list[Any]:
    """Each call of a script in one round trip: the number of keys, keys, arguments. Raises OSError."""
    digest = sha1(script, usedforsecurity=False).hexdigest()
    commands: list[Command] = [("EVALSHA", digest, *call) for call in calls]
    replies = store.run(commands, seconds)
    if any(isinstance(reply, hiredis.ReplyError) and str(reply).startswith("NOSCRIPT") for reply in replies):
        # A restarted server has forgotten it. Running one twice is harmless.
        replies = store.run([("SCRIPT", "LOAD", script), *commands], seconds)[1:]
    return _answered(replies)


def _answered(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, Exception):
            raise Refused(str(reply))
    return replies
