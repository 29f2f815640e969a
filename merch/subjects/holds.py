"""Is there room under a strict cap, counting the answers that are under way?

A subject's holds lie beside its record, as a hash: "counter|key" -> when each answer that took it lets go, in the
store's own milliseconds. What each race ends in: docs/algorithms/caps.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import groupby
from typing import NamedTuple

from merch.engine.facts import Hold
from merch.subjects import scripts
from merch.subjects.packing import EPOCH_KEY, TRUST_KEY, holds_key, record_key
from merch.subjects.store import READ_DEADLINE, WRITE_DEADLINE, Store
from merch.subjects.wire import Missed

LIFE = 600_000  # milliseconds that a hold lasts unless its impression comes

# Answers {code} for the whole, or what became of each candidate. A second answer under one key is a retry.
TAKE = b"""
local at = redis.call('TIME')
local now = at[1] * 1000 + math.floor(at[2] / 1000)
local run, since = string.match(redis.call('GET', KEYS[4]) or '', '^(%w+) (%d+)$')
if not run or run ~= string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or now < tonumber(since) then
    return {-2}
end
local function number(text, first)
    local value = 0
    for place = first, first + 5 do value = value * 256 + string.byte(text, place) end
    return value
end
local head, version = redis.call('GETRANGE', KEYS[1], 0, 11), 0
if #head == 12 and number(head, 1) >= tonumber(redis.call('GET', KEYS[3]) or '0') then version = number(head, 7) end
if version ~= tonumber(ARGV[1]) then return {-1} end

local taken, counts = {}, {}
local flat = redis.call('HGETALL', KEYS[2])
for index = 1, #flat, 2 do
    local ends = {}
    for moment in string.gmatch(flat[index + 1], '%d+') do
        if tonumber(moment) > now then ends[#ends + 1] = moment end
    end
    if #ends == 0 then redis.call('HDEL', KEYS[2], flat[index]) else taken[flat[index]] = ends end
end
local function put(field)
    if #taken[field] == 0 then
        taken[field] = nil
        redis.call('HDEL', KEYS[2], field)
    else
        redis.call('HSET', KEYS[2], field, table.concat(taken[field], ','))
    end
end
local place = 3
for _ = 1, tonumber(ARGV[place]) do
    place = place + 1
    local field = ARGV[place]
    if taken[field] then
        table.remove(taken[field])
        put(field)
    end
end
for field, ends in pairs(taken) do
    local counter = string.match(field, '^(.*)|')
    counts[counter] = (counts[counter] or 0) + #ends
end
local outcome = {}
place = place + 1
while ARGV[place] do
    local key, many = ARGV[place], tonumber(ARGV[place + 1])
    local room, again = true, true
    for entry = 0, many - 1 do
        local counter = ARGV[place + 2 + 3 * entry]
        local limit, count = tonumber(ARGV[place + 3 + 3 * entry]), tonumber(ARGV[place + 4 + 3 * entry])
        local mine = taken[counter .. '|' .. key]
        if not mine or #mine ~= 1 then again = false end
        if count + (counts[counter] or 0) >= limit then room = false end
    end
    if room or again then
        local seen = {}
        for entry = 0, many - 1 do
            local counter = ARGV[place + 2 + 3 * entry]
            local field = counter .. '|' .. key
            if not seen[field] then
                seen[field] = true
                taken[field] = taken[field] or {}
                table.insert(taken[field], string.format('%.0f', now + tonumber(ARGV[2])))
                counts[counter] = (counts[counter] or 0) + 1
                put(field)
            end
        end
        redis.call('PEXPIRE', KEYS[2], ARGV[2])
    end
    outcome[#outcome + 1] = (room or again) and 1 or 0
    place = place + 2 + 3 * many
end
return outcome
"""
# The oldest answer under each key has been seen.
RELEASE = b"""
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    for _, key in ipairs(ARGV) do
        if string.sub(field, -#key - 1) == '|' .. key then
            local left = string.match(redis.call('HGET', KEYS[1], field) or '', '^%d+,(.*)$')
            if left then redis.call('HSET', KEYS[1], field, left) else redis.call('HDEL', KEYS[1], field) end
        end
    end
end
return 1
"""


class Code(IntEnum):
    """What a script says of a call as a whole."""

    TAKEN = 0
    STALE = -1  # the record is not the one that was read
    UNKNOWN = -2  # holds may have been lost


class Taken(NamedTuple):
    """What became of the holds asked for, by candidate."""

    code: Code
    granted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


def take(
    store: Store, subject: tuple[str, str], version: int, wanted: Sequence[Hold], dropped: Iterable[Hold], life: int
) -> Taken:
    """Take what every candidate needs, all or nothing each, and give back what is ``dropped``; one round trip.

    ``version`` is that of the record whose counts the holds carry. Raises OSError where the store does not answer.
    """
    kind, key = subject
    back = [field(hold) for hold in dropped]
    args: list[bytes | str | int] = [version, life, len(back), *back]
    names = []
    for name, holds in groupby(wanted, key=lambda hold: hold.candidate):
        each = list(holds)
        names.append(name)
        args += [each[0].key, len(each)]
        for hold in each:
            args += [hold.cell, hold.limit, hold.count]
    call = (4, record_key(kind, key), holds_key(kind, key), EPOCH_KEY, TRUST_KEY, *args)
    answer = scripts.run(store, TAKE, [call], READ_DEADLINE)[0]
    if not isinstance(answer, list):
        raise Missed(f"an answer that is no list: {answer!r:.100}")
    if answer and answer[0] < 0:
        return Taken(Code(answer[0]))
    got = frozenset(name for name, code in zip(names, answer, strict=True) if code)
    return Taken(Code.TAKEN, got, frozenset(names) - got)


def release(store: Store, seen: Iterable[tuple[str, str, str]]) -> None:
    """Free the places of answers that were seen: (kind, key of the subject, key of the hold). Raises OSError."""
    calls = [
        (1, holds_key(kind, key), *(hold for _, _, hold in held))
        for (kind, key), held in groupby(sorted(seen), key=lambda each: each[:2])
    ]
    if calls:
        scripts.run(store, RELEASE, calls, WRITE_DEADLINE)


def field(hold: Hold) -> str:
    """Where a hold lies in its subject's hash."""
    return f"{hold.cell}|{hold.key}"
