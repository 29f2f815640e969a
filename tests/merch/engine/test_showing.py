"""Which client can show it, in which language, and which words of a text are amounts?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.rules import Type, ValueType, encode_trait
from merch.engine.compiling import BadRelease
from merch.engine.composing import choose_locale, fill, placeholders
from merch.engine.document import CreativeDoc, PlacementDoc
from tests.merch.engine.documents import campaign, decided, only, ready, reason, request, with_offer


def hero(**minimum: str) -> dict[str, PlacementDoc]:
    return {"home": PlacementDoc(rank=1, format="hero", slots=1, max_age=300, min_app_versions=minimum)}


@pytest.mark.parametrize(
    ("context", "code"),
    [
        pytest.param({"platform": "ios", "app_version": "8.9.0"}, "SELECTED", id="the-first-that-can"),
        pytest.param({"platform": "ios", "app_version": "8.10"}, "SELECTED", id="numbers-not-letters"),
        pytest.param({"platform": "ios", "app_version": "8.8.99"}, "CLIENT_TOO_OLD", id="older"),
        pytest.param({"platform": "ios"}, "CLIENT_TOO_OLD", id="a-client-that-does-not-say"),
        pytest.param({"platform": "web"}, "SELECTED", id="a-platform-without-a-minimum"),
        pytest.param({}, "SELECTED", id="no-platform"),
    ],
)
def test_client_too_old(context: dict[str, str], code: str) -> None:
    stored: dict[str, Any] = {"country": "SE", "locale": "sv-SE"} | context
    if "app_version" in context:
        stored["app_version"] = encode_trait(ValueType(Type.VERSION), context["app_version"])

    assert reason(decided(ready(campaign(), placements=hero(ios="8.9.0")), None, request(context=stored))) == code


def test_a_minimum_that_is_no_version_is_no_release() -> None:
    with pytest.raises(BadRelease, match=r"home.*ios.*not a version"):
        ready(campaign(), placements=hero(ios="soon"))


@pytest.mark.parametrize(
    ("locales", "default", "wanted", "chosen"),
    [
        pytest.param("sv-SE", "", "sv-SE", "sv-SE", id="exact"),
        pytest.param("sv en", "", "sv-FI", "sv", id="language"),
        pytest.param("sv-SE en", "", "sv-FI", "sv-SE", id="another-region"),
        pytest.param("sv sv-SE", "", "sv-FI", "sv", id="the-language-before-another-region"),
        pytest.param("sv-FI sv-SE", "", "sv", "sv-FI", id="the-first-region"),
        pytest.param("sv-SE", "", "de-DE", None, id="another-language"),
        pytest.param("sv-SE", "sv-SE", "de-DE", "sv-SE", id="its-default"),
        pytest.param("sv-SE", "en", "de-DE", None, id="a-default-that-is-not-there"),
        pytest.param("zh-Hans zh-Hant", "", "zh-Hant-TW", "zh-Hant", id="the-script-before-the-language"),
        pytest.param("zh-Hans zh-Hant-HK", "", "zh-Hant-TW", "zh-Hant-HK", id="another-region-of-the-script"),
        pytest.param("sv-SE en", "en", "sv_SE", "sv-SE", id="as-phones-write-it"),
        pytest.param("sv-SE en", "en", "SV-se", "sv-SE", id="in-other-letters"),
        pytest.param("es es-419", "", "es-MX", "es", id="digits"),
        pytest.param("fi-FI", "", "f", None, id="no-language-begins-with-half-of-another"),
        pytest.param("", "", "sv", None, id="no-locale-at-all"),
        pytest.param("sv", "", "", None, id="nothing-wanted"),
    ],
)
def test_locales(locales: str, default: str, wanted: str, chosen: str | None) -> None:
    creative = CreativeDoc(
        key="c", format="hero", default_locale=default, locales={each: {} for each in locales.split()}
    )

    assert choose_locale(creative, wanted) == chosen


@given(st.text(max_size=40), st.lists(st.from_regex(r"[a-z]{2,3}(-[A-Z]{2})?", fullmatch=True), max_size=4))
def test_any_wish_finds_a_locale_that_is_there_or_none(wanted: str, locales: list[str]) -> None:
    creative = CreativeDoc(key="c", format="hero", locales={each: {} for each in locales})

    assert choose_locale(creative, wanted) in {*locales, None}


BRACES = ("{foo}", "{price", "price}", "{{price}", "{ price }", "{}", "{0}", "%s %(price)s", "{PRICE}", "\\{price\\}")


@pytest.mark.parametrize("text", BRACES[:3] + BRACES[4:])
def test_braces_that_are_no_amount_stay_as_they_are(text: str) -> None:
    creative = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": text, "more": [{"deep": text}]}})

    (slot,) = only(decided(ready(campaign(creatives={"hero": creative})))).slots

    assert slot.fields == {"title": text, "more": [{"deep": text}]}


def test_amounts_are_filled_wherever_they_stand() -> None:
    fields = {
        "title": "{then}{then}",
        "cta": {"label": "{{price}}", "tags": ["{saving}", 5, None, True, 1.5]},
        "{then}": "",
    }
    creative = CreativeDoc(key="hero", format="hero", locales={"sv-SE": fields})

    (slot,) = only(decided(ready(with_offer(creatives={"hero": creative})))).slots

    assert slot.fields == {
        "title": "119,00 kr119,00 kr",
        "cta": {"label": "{0,00 kr}", "tags": ["119,00 kr", 5, None, True, 1.5]},
        "{then}": "",
    }


ANY_FIELDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(BRACES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(ANY_FIELDS)
def test_whatever_an_author_writes_can_be_filled(fields: Any) -> None:
    amounts = {"price": "1", "then": "2", "saving": "3"}

    assert placeholders(fields) <= amounts.keys()
    assert placeholders(fill(fields, amounts)) <= placeholders(fields)
    assert fill(fields, {}) == fields if not placeholders(fields) else True
