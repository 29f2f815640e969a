"""Does a process live with releases of other versions of itself, and does a kill reach it even then?"""

from __future__ import annotations

import json
import zlib
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from msgspec.structs import replace

from campaigns.models import Campaign
from merch.engine.compiling import name_of
from merch.engine.document import canonical, parse_release
from merch.models import Publication, PulsePart, Release
from merch.releases import pulse, store
from merch.releases.disk import Shelf
from merch.releases.serving import Serving
from tests.merch.engine.corpus import release_document
from tests.merch.engine.documents import campaign as campaign_doc
from tests.merch.engine.documents import document
from tests.merch.releases.conftest import NOW


def as_bytes(**changes: Any) -> bytes:
    plain = json.loads(canonical(document(campaign_doc())))
    return json.dumps(plain | changes, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def of_before() -> bytes:
    """As an earlier version wrote it, whose documents had no holdouts."""
    plain = json.loads(as_bytes())
    del plain["holdouts"]
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def keep_on_disk(number: int, data: bytes) -> None:
    shelf = Shelf(settings.MERCH_HOME / "serving", "release", settings.MERCH_DEPLOYMENT)
    shelf.keep(number, name_of(data), zlib.compress(data))


def publish(data: bytes, by: User) -> Publication:
    row = Release.objects.create(
        digest=name_of(data), document=zlib.compress(data), revision=1, built_at=NOW, size=len(data), campaigns=1,
        candidates=1,
    )  # fmt: skip
    return Publication.objects.create(release=row, revision=1, at=NOW, by=by)


def test_the_name_is_of_the_bytes() -> None:
    data = canonical(release_document(7))

    assert name_of(data) == f"sha256:{sha256(data).hexdigest()}"
    assert canonical(parse_release(data)) == data


def test_writing_is_stable() -> None:
    """Lists that have no order of their own come sorted from the build; what is not said equals its default."""
    one = document(campaign_doc())

    assert canonical(one) == canonical(replace(one, guards=(), holdouts=()))
    assert canonical(parse_release(canonical(one))) == canonical(one)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(as_bytes(v=2), id="a-later-format"),
        pytest.param(as_bytes(journals={}), id="a-field-that-we-do-not-know"),
        pytest.param(as_bytes(campaigns=[{"key": "x"}]), id="a-campaign-without-its-fields"),
        pytest.param(b"[]", id="no-document"),
    ],
)
def test_what_is_not_understood_whole_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        parse_release(data)


def test_a_release_of_an_earlier_version_is_served_from_disk() -> None:
    keep_on_disk(4, of_before())

    state = Serving(follow=False).current()

    assert (state.source, state.publication, state.release.digest) == ("disk", 4, name_of(of_before()))


def test_a_process_steps_back_over_files_of_a_later_version() -> None:
    keep_on_disk(4, as_bytes())
    keep_on_disk(5, as_bytes(v=2))
    keep_on_disk(6, as_bytes(journals={}))

    state = Serving(follow=False).current()

    assert (state.source, state.publication) == ("disk", 4)


def test_with_nothing_readable_on_disk_it_starts_empty() -> None:
    keep_on_disk(5, as_bytes(v=2))
    Shelf(settings.MERCH_HOME / "serving", "pulse", settings.MERCH_DEPLOYMENT).keep(3, "pulse", b"[1]")

    assert Serving(follow=False).current().source == "builtin"


def test_a_kill_arrives_where_the_newest_release_cannot_be_read(
    campaign: Campaign, editor: User, process: Serving
) -> None:
    served = store.publish(by=editor, now=NOW)
    process.refresh()
    publish(as_bytes(v=2), editor)
    pulse.kill(campaign.key, by=editor, now=NOW)

    with pytest.raises(msgspec.MsgspecError):
        process.refresh()

    state = process.current()
    assert state.release.digest == served.release.digest
    assert state.pulse.kills == frozenset({campaign.key})


def test_a_kill_is_not_mistaken_for_another_part_of_the_same_content(
    campaign: Campaign, editor: User, process: Serving
) -> None:
    """Without any key the part of keys is empty, as that of kills once was: one digest, two parts."""
    pulse.kill(campaign.key, by=editor, now=NOW)
    pulse.lift(campaign.key, by=editor, now=NOW)
    pulse.kill(campaign.key, by=editor, now=NOW)
    # Whatever order the rows come in: here the empty one last.
    empty = PulsePart.objects.get(name="kills", body=[])
    PulsePart.objects.filter(pk=empty.pk).delete()
    PulsePart.objects.create(name="kills", digest=empty.digest, body=[])

    assert process.refresh().pulse.kills == frozenset({campaign.key})
