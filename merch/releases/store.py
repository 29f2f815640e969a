"""How is a release published, and how is an older one brought back?"""

from __future__ import annotations

import logging
import zlib
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction

from audiences import locks
from audiences.models import Revision
from merch.engine.compiling import compile_release, digest_of
from merch.engine.document import canonical
from merch.models import Publication, PublicationHold, Release
from merch.releases import build, moved
from merch.releases.news import ring

log = logging.getLogger(__name__)

FEWEST_DIGITS = 4  # of a shortened digest


class Held(Exception):
    """Publication is on hold since a roll-back; a named person lifts it."""

    def __init__(self, hold: PublicationHold) -> None:
        who = hold.placed_by.get_username() if hold.placed_by else "merch"
        super().__init__(
            f"Publication is on hold since {hold.placed_at:%Y-%m-%d %H:%M} UTC by {who}: {hold.why} "
            "Lift the hold in admin (Publication holds) or with publish_release --lift-hold --by USERNAME."
        )
        self.hold = hold


class UnknownRelease(ValueError):
    """No release has this digest, or several begin with it."""

    def __init__(self, digest: str, found: int) -> None:
        super().__init__(
            f"{found} releases begin with {digest!r}; give {FEWEST_DIGITS} digits or more that name exactly one."
        )


class Published(NamedTuple):
    """``changed`` is False where the content equals what was served before."""

    publication: Publication
    release: Release
    changed: bool
    left_out: dict[str, str]


def publish(*, by: User | None, now: datetime, why: str = "") -> Published:
    """Build from approved content and make it the served release. Raises Held after a roll-back.

    Publishers queue on one lock before they build, so that the last to commit is also the last to have looked.
    """
    with connection.cursor() as cursor:
        # A session lock, because the build opens a transaction of its own.
        cursor.execute("SELECT pg_advisory_lock(%s)", [locks.PUBLICATION])
    try:
        built = build.build(now)
        with transaction.atomic():
            published = _publish(built, by=by, now=now, why=why)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.PUBLICATION])
    ring(f"publication {published.publication.number}")
    return published


def _publish(built: build.Built, *, by: User | None, now: datetime, why: str) -> Published:
    hold = held()
    if hold is not None:
        raise Held(hold)
    release = _store(built, now)
    head = Publication.objects.order_by("-number").first()
    publication = Publication.objects.create(release=release, revision=built.revision, at=now, by=by, why=why)
    changed = head is None or head.release_id != release.digest
    if changed:
        _record("published", release, by, now, why)
    if changed and head is not None:
        _tell_moved(moved.since(head.release_id, built.document, now=now), release, now)
    return Published(publication, release, changed, built.left_out)


def _store(built: build.Built, now: datetime) -> Release:
    document = canonical(built.document)
    ready = compile_release(built.document)
    release, _ = Release.objects.get_or_create(
        digest=ready.digest,
        defaults={
            "document": zlib.compress(document, 6),
            "revision": built.revision,
            "built_at": now,
            "size": len(document),
            "campaigns": len(built.document.campaigns),
            "candidates": ready.candidates,
        },
    )
    return release


def _record(verb: str, release: Release, by: User | None, now: datetime, why: str) -> None:
    Revision.objects.record(
        actor=by, verb=verb, object_type="release", object_key=release.digest, before=None, after=None, now=now, why=why
    )


def _tell_moved(found: list[moved.Moved], release: Release, now: datetime) -> None:
    """A new tzdata moved flights: a line of history that names them all, and one in the log."""
    if not found:
        return
    names = [f"{each.campaign}: {each.edge} in {each.zone}" for each in found]
    Revision.objects.record(
        actor=None, verb="moved by new time zone data", object_type="release", object_key=release.digest, now=now,
        before={name: each.before for name, each in zip(names, found, strict=True)},
        after={name: each.after for name, each in zip(names, found, strict=True)},
    )  # fmt: skip
    log.warning("New time zone data moved %d edges of flights: %s", len(found), "; ".join(names[:20]))


def behind() -> bool:
    """Has anything that decides changed since the newest publication answered to the revisions?

    A newer tzdata counts: flights must not go on by the old one. An older one, of a worker not yet upgraded, does not.
    """
    head = Publication.objects.order_by("-number").first()
    if head is not None and not head.rollback and moved.tzdata_of(head.release_id) < version("tzdata"):
        return True
    decided = Revision.objects.exclude(object_type="release").order_by("-number").first()
    return decided is not None and (head is None or decided.number > head.revision)


def held() -> PublicationHold | None:
    """The hold that stands, or None."""
    return PublicationHold.objects.filter(lifted_at__isnull=True).select_related("placed_by").first()


def find(digest: str) -> Release:
    """The release of this digest, which may be shortened and go without "sha256:". Raises UnknownRelease."""
    digits = digest.removeprefix("sha256:")
    found = Release.objects.filter(digest__startswith=f"sha256:{digits}")[:2]
    if len(found) != 1 or len(digits) < FEWEST_DIGITS:
        raise UnknownRelease(digest, len(found))
    return found[0]


def rollback(digest: str, *, by: User | None, now: datetime, why: str) -> Publication:
    """Serve an earlier release again, under a new number, and hold publication. Raises UnknownRelease.

    The publication answers to the revision of that release, so that what was held back is owed once the hold is lifted.
    """
    release = find(digest)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.PUBLICATION])
        if held() is None:
            PublicationHold.objects.create(placed_at=now, placed_by=by, why=why or "roll-back")
        _record("rolled back to", release, by, now, why)
        publication = Publication.objects.create(
            release=release, revision=release.revision, at=now, by=by, why=why, rollback=True
        )
    ring(f"publication {publication.number}")
    return publication


def lift_hold(*, by: User | None, now: datetime) -> bool:
    """Allow publishing again; False where nothing was on hold."""
    with transaction.atomic():
        lifted = PublicationHold.objects.filter(lifted_at__isnull=True).update(lifted_at=now, lifted_by=by)
        if lifted:
            Revision.objects.record(
                actor=by, verb="hold lifted", object_type="release", object_key="", before=None, after=None, now=now
            )
    return bool(lifted)


def preview(now: datetime) -> tuple[build.Built, str]:
    """What publishing would make, and its digest; writes nothing."""
    built = build.build(now)
    return built, digest_of(built.document)
