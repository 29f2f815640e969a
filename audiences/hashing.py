"""Which bucket does this key fall into under this salt?

The platform's one source of chance: the same salt and key give the same answer in Python, DuckDB, PostgreSQL,
BigQuery and Spark, on every machine and for ever. The key is the bare subject id, without a store prefix. Text is
hashed as UTF-8.
"""

from hashlib import md5

BUCKETS = 10_000

# 60 bits fit a signed 64-bit integer in every engine; one hexadecimal digit more would overflow BIGINT.
HEX_DIGITS = 15

# A double holds 53 bits. Dividing all 60 would round the largest hashes up to 1.0.
UNIT_BITS = 53
_DROPPED_BITS = 4 * HEX_DIGITS - UNIT_BITS


def bucket(salt: str, key: str) -> int:
    """A whole number in 0..9999. The bias of the modulo is below 1e-14."""
    return _hash60(salt, key) % BUCKETS


def unit(salt: str, key: str) -> float:
    """A number in [0, 1), from the highest 53 of the same 60 bits."""
    return (_hash60(salt, key) >> _DROPPED_BITS) / (1 << UNIT_BITS)


def _hash60(salt: str, key: str) -> int:
    # Not for security: builds that forbid md5 for signing must still be able to bucket.
    digest = md5(f"{salt}:{key}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:HEX_DIGITS], 16)
