"""What does an app get to carry with it, and does it learn cheaply that nothing changed?"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from msgspec import convert

from merch.api.rest.shown import FallbacksShown
from merch.engine.document import Pulse
from merch.keys import Scope
from merch.releases.serving import serving
from tests.api.conftest import MakeKey, Ring
from tests.merch.engine.documents import campaign, ready, with_offer

HOUSE = campaign("house", tier="HOUSE", fallback=True)
FOUND = {"sv-SE": {"format": "hero", "fields": {"title": "Hej"}}}


@pytest.fixture
def release(ring: Ring) -> Ring:
    ring.release = ready(with_offer("trial"), HOUSE)
    ring.hold()
    return ring


def bundled(client: Client, key: str, **headers: str) -> Any:
    return client.get("/v1/placements/fallbacks", headers={"Authorization": f"Bearer {key}"} | headers)


def test_bundled_fallbacks_are_unpriced_house_content(
    caller: Client, release: Ring, client_key: str, no_sql: None
) -> None:
    answer = bundled(caller, client_key)

    assert answer.json() == {
        "release": release.release.digest, "countries": ["SE"], "placements": {"home": FOUND, "shelf": {}},
    }  # fmt: skip
    assert convert(answer.json(), FallbacksShown).placements["home"]["sv-SE"].format == "hero"
    assert answer["Cache-Control"] == "private, max-age=60"


def test_what_has_not_changed_is_not_sent_again(caller: Client, release: Ring, client_key: str, no_sql: None) -> None:
    first = bundled(caller, client_key)
    etag = first["ETag"]

    for tag in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = bundled(caller, client_key, **{"If-None-Match": tag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag), tag
        assert again["Cache-Control"] == first["Cache-Control"]
    for tag in ('"other"', "", "nonsense"):
        assert bundled(caller, client_key, **{"If-None-Match": tag}).status_code == 200, tag


def test_a_new_release_and_a_kill_change_the_tag(
    caller: Client, release: Ring, client_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = bundled(caller, client_key)["ETag"]

    release.release = ready(with_offer("trial"), HOUSE, campaign("more"))
    release.hold()
    other = bundled(caller, client_key, **{"If-None-Match": etag})
    kill = Pulse(number=2, kills=frozenset({"house"}))
    monkeypatch.setattr(serving, "_state", serving.current()._replace(pulse=kill))
    killed = bundled(caller, client_key, **{"If-None-Match": other["ETag"]})

    assert (other.status_code, other.json()["placements"]["home"]) == (200, FOUND)
    assert (killed.status_code, killed.json()["placements"]["home"]) == (200, {})


def test_a_web_page_of_a_listed_origin_may_keep_it(caller: Client, release: Ring, make_key: MakeKey) -> None:
    key = make_key(Scope.CLIENT, origins=("https://play.example",))

    answer = bundled(caller, key, Origin="https://play.example")

    assert answer["Access-Control-Allow-Origin"] == "https://play.example"
    assert "ETag" in answer["Access-Control-Expose-Headers"]
    assert answer["Vary"] == "Origin"


def test_it_needs_a_key(caller: Client, release: Ring, make_key: MakeKey) -> None:
    assert bundled(caller, make_key(Scope.MANAGE)).status_code == 403
    assert bundled(caller, "mk_nothing").status_code == 401
    assert bundled(caller, "mk_nothing", **{"If-None-Match": "*"}).status_code == 401
