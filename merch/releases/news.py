"""How does every process hear at once that something new is served?

A message on one Valkey channel per deployment: only a bell. Who hears it reads PostgreSQL; who does not, polls.
"""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
TIMEOUT = 0.5  # seconds


def channel() -> str:
    """The deployment's channel; the logical database is part of it, because channels ignore databases."""
    return f"merch:{settings.MERCH_DEPLOYMENT}:{settings.REDIS_URL.rpartition('/')[2]}:news"


def connect(timeout: float = TIMEOUT) -> redis.Redis:
    """A client that gives up quickly and never retries by itself."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def ring(what: str) -> bool:
    """Tell every process; False when nobody could be told and the poll must do."""
    try:
        with connect() as client:
            client.publish(channel(), what)
    except (redis.RedisError, OSError) as error:
        log.warning("no push for %s, processes will poll: %s", what, error)
        return False
    return True
