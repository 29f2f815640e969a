"""Does a creative say only what it may, in the fields that it has?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.creatives import amount_in, content_problems, placeholders, schema_problems, version_problems

SCHEMA = [
    {"name": "title", "type": "text", "required": True, "max_length": 30},
    {"name": "body", "required": False},
    {"name": "link", "type": "url", "required": False},
    {"name": "picture", "type": "image", "required": False},
    {"name": "cta", "type": "cta", "required": False},
    {"name": "dark", "type": "bool", "required": False},
]
GOOD = {"title": "Lyssna utan reklam"}


def ids(**fields: Any) -> list[str]:
    return [problem.id for problem in content_problems(SCHEMA, GOOD | fields, "hero in sv-SE", {"merch"})]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="only-required"),
        pytest.param({"body": "First line\nsecond line, 100 % music & more"}, id="lines"),
        pytest.param({"body": "30 days, then {then} a month. You save {saving}."}, id="placeholders"),
        pytest.param({"body": "Version 8.9 with 2,000,000 songs in 24 bit, 3 < 5"}, id="numbers"),
        pytest.param({"body": "👨‍👩‍👧‍👦 की नया ✌️"}, id="emoji-and-joiners"),
        pytest.param({"link": "merch://upgrade", "picture": "https://cdn.example.com/a.png"}, id="links"),
        pytest.param({"cta": {"label": "Try {price}", "href": "https://example.com"}}, id="cta"),
        pytest.param({"dark": False, "body": "", "link": None}, id="empty-is-absent"),
    ],
)
def test_good_content_has_no_problems(fields: dict[str, Any]) -> None:
    assert ids(**fields) == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({"title": ""}, "creative.field_missing", id="required-empty"),
        pytest.param({"title": None}, "creative.field_missing", id="required-null"),
        pytest.param({"title": 7}, "creative.type", id="number"),
        pytest.param({"title": ["a"]}, "creative.type", id="list"),
        pytest.param({"title": "a" * 31}, "creative.too_long", id="long"),
        pytest.param({"body": "a" * 4_001}, "creative.too_long", id="long-without-limit"),
        pytest.param({"subtitle": "a"}, "creative.unknown_field", id="unknown"),
        pytest.param({"body": "<b>now</b>"}, "creative.markup", id="html"),
        pytest.param({"body": "<script>alert(1)</script>"}, "creative.markup", id="script"),
        pytest.param({"body": "<!-- a"}, "creative.markup", id="comment"),
        pytest.param({"body": "&lt;b&gt;"}, "creative.markup", id="entity"),
        pytest.param({"body": "&#106;avascript"}, "creative.markup", id="numeric-entity"),
        pytest.param({"body": "{{ user }}"}, "creative.placeholder", id="template"),
        pytest.param({"body": "{% debug %}"}, "creative.placeholder", id="template-tag"),
        pytest.param({"body": "${7*7}"}, "creative.placeholder", id="expression"),
        pytest.param({"body": "{Price}"}, "creative.placeholder", id="case"),
        pytest.param({"body": "{amount}"}, "creative.placeholder", id="unknown-placeholder"),
        pytest.param({"body": "a\x00b"}, "creative.characters", id="nul"),
        pytest.param({"body": "a\u202eb"}, "creative.characters", id="right-to-left-override"),
        pytest.param({"body": "\ud800"}, "creative.characters", id="surrogate"),
        pytest.param({"body": "Only 4.99"}, "creative.amount", id="amount"),
        pytest.param({"link": "javascript:alert(1)"}, "creative.link", id="link"),
        pytest.param({"picture": "merch://a.png"}, "creative.link", id="image-by-app-scheme"),
        pytest.param({"cta": "Try"}, "creative.type", id="cta-text"),
        pytest.param({"cta": {"label": "Try"}}, "creative.type", id="cta-without-link"),
        pytest.param({"cta": {"label": "", "href": "merch://a"}}, "creative.field_missing", id="cta-without-label"),
        pytest.param({"cta": {"label": "Try", "href": "//a"}}, "creative.link", id="cta-link"),
        pytest.param({"cta": {"label": "€5", "href": "merch://a"}}, "creative.amount", id="cta-amount"),
        pytest.param({"dark": "yes"}, "creative.type", id="bool"),
        pytest.param({"dark": 1}, "creative.type", id="bool-number"),
    ],
)
def test_each_fault_has_its_name(fields: dict[str, Any], problem: str) -> None:
    assert ids(**fields) == [problem]


def test_all_problems_come_at_once() -> None:
    assert ids(title="", body="<b>4.99 {x}", link="//a") == [
        "creative.field_missing", "creative.markup", "creative.placeholder", "creative.amount", "creative.link",
    ]  # fmt: skip


@pytest.mark.parametrize("values", [None, [], "text", 7])
def test_fields_are_an_object(values: object) -> None:
    assert [problem.id for problem in content_problems(SCHEMA, values, "hero", ())] == ["creative.fields"]


@pytest.mark.parametrize(
    "text",
    [
        "119 kr", "119kr", "119:- nu 119,00", "kr 119", "€9", "9 €", "9€", "$ 9", "£4.99", "US$5", "4.99", "4,99",
        "USD 5", "5 USD", "5usd", "1 299,00", "1'299.00", "10 euros", "5 Dollars", "99 cents", "₹ 99", "99 zł",
        "１１９ kr", "٩٩ €", "R$ 9", "5 kronor", "¥980", "CHF 9", "9 Ft", "99 Kč", "99,- eller 99 SEK",
        "119:-", "49,-", "5,– Euro", "5€99", "Rs 500", "Rs.500", "500 Rs", "99 руб.", "99 рублей",
        "500円", "５００円", "500元", "100 원", "5 bucks", "99p", "50¢", "$.99", "NT$ 99", "99 грн", "10 BGN",
        "AED 10", "THB 99",
        "99 baht",
        "10 pesos", "5 quid", "kr. 49", "49 kr.", "99 Franken", "9 złotych", "500 KRW", "1 million VND", "99 SGD",
        "99 د.إ", "100 won", "5 euróért", "5 euroa", "10k yen", "£5", "5 EUR", "EUR5", "¥500", "4,99 kr",
    ],
)  # fmt: skip
def test_an_amount_is_found(text: str) -> None:
    assert amount_in(f"Now {text}!") is not None


@pytest.mark.parametrize(
    "text",
    ["30 days", "3 months", "2,000 songs", "100 million songs", "version 8.9.40", "50 % off", "24/7", "No. 1", "8.9",
     "since 2008", "top 50 krautrock songs", "5 friends", "20:15", "1 frame", "10.000 Lieder", "5.1 jazz",
     "50% off", "50 % rabatt", "1080p", "won 5 awards", "20:15-21:00", "1.-3. Mai", "5 European artists", "100 wonders",
     "3 randoms", "2 thousand songs"],
)  # fmt: skip
def test_other_numbers_are_not(text: str) -> None:
    assert amount_in(f"Hear {text} now") is None


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    content_problems(SCHEMA, {"title": text, "link": text, "cta": {"label": text, "href": text}}, "hero", {"merch"})


@pytest.mark.parametrize("spelling", ["4.99", "4,99 kr", "£5", "5 EUR", "¥500", "119:-"])
@pytest.mark.parametrize("where", ["title", "body", "cta"])
def test_an_amount_is_refused_in_every_text_at_any_depth(spelling: str, where: str) -> None:
    value: Any = {"label": f"Now {spelling}", "href": "merch://a"} if where == "cta" else f"Now {spelling}"

    assert ids(**{where: value}) == ["creative.amount"]


@pytest.mark.parametrize(
    "text",
    ["1{price}", "{price}0", "{price}.50", "{price}{then}", "-{saving}", "Now 1,{price}", "+{price}", "{then}'5"],
)
def test_digits_that_touch_a_placeholder_would_read_as_another_amount(text: str) -> None:
    assert ids(body=text) == ["creative.amount"]


@pytest.mark.parametrize(
    "text", ["{price}.", "{price}, then {then}", "({saving})", "3 x {price}", "{price}/month", "“{price}”"]
)
def test_punctuation_may_touch_it(text: str) -> None:
    assert ids(body=text) == []


def test_placeholders_are_found_at_any_depth() -> None:
    assert placeholders({"title": "{price}", "cta": {"label": "{saving}"}, "list": ["{then}", 7]}) == {
        "price", "then", "saving",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({}, "format.fields", id="object"),
        pytest.param([{"name": f"a{n}"} for n in range(41)], "format.fields", id="many"),
        pytest.param(["title"], "format.field", id="text"),
        pytest.param([{"name": "title", "lenght": 3}], "format.field", id="misspelt"),
        pytest.param([{}], "format.name", id="nameless"),
        pytest.param([{"name": "Title"}], "format.name", id="case"),
        pytest.param([{"name": "title\n"}], "format.name", id="line-end"),
        pytest.param([{"name": "title", "type": "html"}], "format.type", id="type"),
        pytest.param([{"name": "title", "required": "yes"}], "format.required", id="required"),
        pytest.param([{"name": "title", "max_length": 0}], "format.max_length", id="length-zero"),
        pytest.param([{"name": "title", "max_length": True}], "format.max_length", id="length-bool"),
        pytest.param([{"name": "title"}, {"name": "title"}], "format.twice", id="twice"),
    ],
)
def test_a_bad_schema_is_refused(fields: object, problem: str) -> None:
    assert [found.id for found in schema_problems(fields)] == [problem]


def test_a_good_schema_is_not() -> None:
    assert schema_problems(SCHEMA) == []


@pytest.mark.parametrize(
    ("minimum", "wrong"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({"ios": "8.9.0", "android": "8"}, 0, id="versions"),
        pytest.param({"ios": "soon", "android": 8}, 2, id="neither-is-a-version"),
        pytest.param(["8.9.0"], 1, id="no-object"),
    ],
)
def test_first_app_versions(minimum: object, wrong: int) -> None:
    assert len(version_problems(minimum)) == wrong
