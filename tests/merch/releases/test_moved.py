"""When the law of a zone's clocks changes, are the flights that moved told by name?"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from django.contrib.auth.models import User
from msgspec.structs import replace

from audiences.models import Revision
from campaigns.models import Campaign
from merch.engine.compiling import digest_of
from merch.engine.document import ReleaseDoc, ZoneTable, canonical
from merch.models import Publication, Release
from merch.releases import build, moved, store
from tests.merch.engine.documents import STOCKHOLM, campaign, document
from tests.merch.releases.conftest import NOW, live

SUMMER_FOR_EVER = ZoneTable(instants=STOCKHOLM.instants[:2], offsets=STOCKHOLM.offsets[:2])


def released(*flights: tuple[str, str, str | None], table: ZoneTable = STOCKHOLM, tzdata: str = "old") -> ReleaseDoc:
    return document(
        *(campaign(key, starts=starts, ends=ends) for key, starts, ends in flights),
        zone_tables=(table,), tzdata=tzdata,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("starts", "ends", "edges"),
    [
        pytest.param("2026-12-24T00:00:00", "2027-01-02T00:00:00", ["start", "end"], id="both"),
        pytest.param("2026-12-24T00:00:00", None, ["start"], id="open"),
        pytest.param("2026-11-01T00:00:00", "2026-12-24T00:00:00", ["end"], id="begun-already"),
        pytest.param("2026-07-01T00:00:00", "2027-07-01T00:00:00", [], id="in-summer-nothing-changes"),
        pytest.param("2035-12-01T00:00:00", None, [], id="beyond-what-tables-foresee"),
    ],
)
def test_edges_to_come_that_are_another_instant_are_told(starts: str, ends: str | None, edges: list[str]) -> None:
    flight = ("xmas", starts, ends)

    found = moved.moved(released(flight), released(flight, table=SUMMER_FOR_EVER), now=NOW)

    assert [each.edge for each in found] == edges
    assert {(each.campaign, each.zone) for each in found} <= {("xmas", "Europe/Stockholm")}


def test_both_instants_are_said() -> None:
    flight = ("xmas", "2026-12-24T00:00:00", None)

    (found,) = moved.moved(released(flight), released(flight, table=SUMMER_FOR_EVER), now=NOW)

    assert (found.before, found.after) == ("2026-12-23T23:00:00Z", "2026-12-23T22:00:00Z")


def test_a_flight_by_a_zone_of_its_own_is_read_there() -> None:
    fixed = campaign("xmas", starts="2026-12-24T00:00:00", time_zone="UTC")
    zones = {"Europe/Stockholm": 0, "UTC": 1}
    utc = ZoneTable(instants=(0,), offsets=(0,))
    before, after = (
        document(fixed, zones=zones, zone_tables=(table, utc)) for table in (STOCKHOLM, SUMMER_FOR_EVER)
    )  # fmt: skip

    assert moved.moved(before, after, now=NOW) == []


@pytest.fixture
def xmas(editor: User, approver: User) -> Campaign:
    return live(editor, approver, starts=datetime(2026, 12, 24), ends=datetime(2027, 1, 2))  # noqa: DTZ001


def test_a_new_tzdata_is_published_by_itself_and_what_it_moved_stands_in_the_history(
    xmas: Campaign, editor: User
) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    built = build.build(now).document
    number = built.zones["Europe/Stockholm"]
    tables = list(built.zone_tables)
    tables[number] = SUMMER_FOR_EVER
    older = replace(built, tzdata="2020a", zone_tables=tuple(tables))
    release = Release.objects.create(
        digest=digest_of(older), document=zlib.compress(canonical(older)), revision=Revision.objects.head(),
        built_at=now, size=1, campaigns=1, candidates=1,
    )  # fmt: skip
    Publication.objects.create(release=release, revision=Revision.objects.head(), at=now)

    assert store.behind()
    published = store.publish(by=None, now=now)

    assert moved.tzdata_of(published.release.digest) == version("tzdata")
    assert not store.behind()
    line = Revision.objects.get(verb="moved by new time zone data")
    names = [f"{xmas.key}: {edge} in Europe/Stockholm" for edge in ("end", "start")]
    assert sorted(line.after or {}) == names
    assert (line.before or {})[names[1]] == "2026-12-23T22:00:00Z"
    assert (line.after or {})[names[1]] == "2026-12-23T23:00:00Z"


def test_nothing_is_told_while_tzdata_is_the_same(xmas: Campaign, editor: User) -> None:
    store.publish(by=editor, now=NOW)
    xmas.refresh_from_db()

    assert not store.behind()
    assert not Revision.objects.filter(verb__startswith="moved").exists()
