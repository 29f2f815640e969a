"""What changes faster than a release, and how is a campaign killed?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from audiences import locks
from audiences.models import Revision
from audiences.moments import moment
from campaigns.models import Campaign
from merch import keys
from merch.models import Kill, PulseHead, PulsePart
from merch.releases import offline
from merch.releases.news import ring
from merch.releases.offline import OfflineKill
from merch.releases.parts import digest_of

LONGEST_WHY = 200


class UnknownCampaign(ValueError):
    """No campaign has this key; nothing was killed or lifted."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no campaign {key!r}. Check the key in admin.")


def republish(now: datetime, given: Mapping[str, Any | None] | None = None) -> int:
    """Bring the pulse up to the rows, inside the caller's transaction; call it after any change to kills or keys.

    ``given``: the bodies of other parts by name, None to leave one out; those that nobody gives stay as they are.
    Returns the number of the head in force.
    """
    with connection.cursor() as cursor:
        # Numbers must commit in order, or a slow writer would bring an older pulse back. The rows are read after the
        # wait, or the change of whoever was waited for would be missing.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.PULSE])
    head = PulseHead.objects.order_by("-number").first()
    bodies = {**(given or {}), "kills": kills_part(), "keys": keys.part()}
    digests = {name: digest for name, digest in (head.parts if head else {}).items() if name not in bodies}
    digests |= {name: _keep(name, body) for name, body in bodies.items() if body is not None}
    if head is not None and head.parts == digests:
        return head.number
    head = PulseHead.objects.create(parts=digests, at=now)
    transaction.on_commit(lambda: ring(f"pulse {head.number}"))
    return head.number


def _keep(name: str, body: Any) -> str:
    digest = digest_of(body)
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


def absorb(now: datetime) -> list[str]:
    """Write the rows that kills without PostgreSQL still owe; the campaigns of those written.

    Every process drops an entry once the pulse it serves carries it; here go those that a lift has overtaken.
    """
    file = offline.here()
    told = offline.told_everywhere(file)
    if not told:
        return []
    with transaction.atomic():
        written = [kill for kill in told if _owed(kill) and _write(kill, now)]
        republish(now)
        in_force = frozenset(kills_part())
    file.drop(lambda kill: kill in told and kill.campaign not in in_force)
    offline.forget(told)
    return [kill.campaign for kill in written]


def _owed(kill: OfflineKill) -> bool:
    """Neither stopped now, nor stopped or lifted since."""
    since = moment(kill.at)
    newer = Q(lifted_at__isnull=True) | Q(at__gte=since) | Q(lifted_at__gt=since)
    return not Kill.objects.filter(newer, campaign=kill.campaign).exists()


def _write(kill: OfflineKill, now: datetime) -> bool:
    by = User.objects.filter(username=kill.by).first()
    why = kill.why if by else f"{kill.why} ({kill.by or 'nobody named'})"
    try:
        with transaction.atomic():
            Kill.objects.create(campaign=kill.campaign, at=moment(kill.at), by=by, why=why[:LONGEST_WHY])
    except IntegrityError:  # another absorber was quicker
        return False
    _record("killed offline", kill.campaign, by, now, why[:LONGEST_WHY])
    return True


def _record(verb: str, key: str, by: User | None, now: datetime, why: str) -> None:
    Revision.objects.record(
        actor=by, verb=verb, object_type="campaign", object_key=key, before=None, after=None, now=now, why=why
    )
