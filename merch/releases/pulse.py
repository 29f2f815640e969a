"""What changes faster than a release, and how is a campaign killed?"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from audiences import locks
from audiences.models import Revision
from campaigns.models import Campaign
from merch import keys
from merch.models import Kill, PulseHead, PulsePart
from merch.releases.news import ring


class UnknownCampaign(ValueError):
    """No campaign has this key; nothing was killed or lifted."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no campaign {key!r}. Check the key in admin.")


def republish(now: datetime) -> int:
    """Bring the pulse up to the rows, inside the caller's transaction; call it after any change to kills or keys.

    Returns the number of the head in force.
    """
    with connection.cursor() as cursor:
        # Numbers must commit in order, or a slow writer would bring an older pulse back. The rows are read after the
        # wait, or the change of whoever was waited for would be missing.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.PULSE])
    digests = {name: _keep(name, body) for name, body in (("kills", kills_part()), ("keys", keys.part()))}
    head = PulseHead.objects.order_by("-number").first()
    if head is not None and head.parts == digests:
        return head.number
    head = PulseHead.objects.create(parts=digests, at=now)
    transaction.on_commit(lambda: ring(f"pulse {head.number}"))
    return head.number


def _keep(name: str, body: list[Any]) -> str:
    digest = f"sha256:{sha256(msgspec.json.encode(body, order='sorted')).hexdigest()}"
    PulsePart.objects.get_or_create(name=name, digest=digest, defaults={"body": body})
    return digest


def kills_part() -> list[str]:
    """Keys of the campaigns that are killed now."""
    return sorted(Kill.objects.filter(lifted_at__isnull=True).values_list("campaign", flat=True))


def kill(key: str, *, by: User | None, now: datetime, why: str = "") -> Kill:
    """Stop a campaign in every process within a second; killing it again changes nothing. Raises UnknownCampaign."""
    with transaction.atomic():
        _check_known(key)
        try:
            with transaction.atomic():
                made = Kill.objects.create(campaign=key, at=now, by=by, why=why)
        except IntegrityError:
            # Killed already, or by somebody else in this very moment.
            return Kill.objects.filter(campaign=key).latest("pk")
        _record("killed", key, by, now, why)
        republish(now)
    return made


def _check_known(key: str) -> None:
    if not Campaign.objects.filter(key=key).exists():
        raise UnknownCampaign(key)


def lift(key: str, *, by: User | None, now: datetime, why: str = "") -> bool:
    """Let a killed campaign run again; False when it was not killed. Raises UnknownCampaign."""
    with transaction.atomic():
        lifted = Kill.objects.filter(campaign=key, lifted_at__isnull=True).update(lifted_at=now, lifted_by=by)
        if lifted:
            _record("kill lifted", key, by, now, why)
            republish(now)
        else:
            _check_known(key)
    return bool(lifted)


def _record(verb: str, key: str, by: User | None, now: datetime, why: str) -> None:
    Revision.objects.record(
        actor=by, verb=verb, object_type="campaign", object_key=key, before=None, after=None, now=now, why=why
    )
