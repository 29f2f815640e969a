"""Is what a creative says it costs always what the quote says? (A law of the house that holds by construction.)

Whatever people may save as text, and whatever is sold on whatever terms: the amounts that a listener reads are those of
the quote in the same answer, and no others.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from campaigns.creatives import content_problems
from merch.engine.composing import money_text
from merch.engine.document import CreativeDoc, TermsDoc
from tests.merch.engine.documents import KRONOR, LIST_PRICE, decided, offer, only, ready, with_offer

SCHEMA: list[dict[str, Any]] = [{"name": "title"}, {"name": "cta", "type": "cta", "required": False}]
PIECES = st.sampled_from(
    ["{price}", "{then}", "{saving}", "Try ", " then ", " a month", "4", "99", ".", ",", "4.99", " kr", "kr ", "€", " ",
     "-", "50 %", "3 months", "\n", "x", "1 000", ":-", "!"]
)  # fmt: skip
TEXTS = st.lists(PIECES, min_size=1, max_size=8).map("".join)
CYCLES = st.integers(1, 12)
TERMS = st.one_of(
    st.builds(lambda period: TermsDoc(free_period=period), st.sampled_from(["P7D", "P1M"])),
    st.builds(lambda off, cycles: TermsDoc(percent_off=off, cycles=cycles), st.integers(1, 100), CYCLES),
    st.builds(
        lambda paid, cycles: TermsDoc(amounts={"SE": paid}, cycles=cycles), st.integers(0, 99_999), st.integers(1, 12)
    ),
    st.just(TermsDoc()),
)
MONEY = re.compile(r"(?<!\d)(?:\d{1,3}(?:[ \xa0.,']\d{3})+|\d+)(?:[.,]\d\d)?\skr\b")


@settings(max_examples=500)
@given(TEXTS, TEXTS, TERMS, st.integers(0, 10_000_000))
@example("{price} 1 {then}", "x", TermsDoc(percent_off=50, cycles=3), 119_00)
def test_what_is_read_is_what_is_quoted(title: str, label: str, terms: TermsDoc, amount: int) -> None:
    fields: dict[str, Any] = {"title": title, "cta": {"label": label, "href": "https://example.com"}}
    assume(not content_problems(SCHEMA, fields, "it", ()))
    assume("{" in title + label)
    creative = CreativeDoc(key="hero", format="hero", locales={"sv-SE": fields})
    price = replace(LIST_PRICE, amount=amount)
    sold = with_offer(sold=offer(terms=terms), creatives={"hero": creative})

    answer = only(decided(ready(sold, prices={"premium": {"SE": (price,)}})))

    if not answer.slots:  # {then} of terms that change nothing: it is not shown at all
        assert {loss.reason for loss in answer.losses} == {"CONTENT_MISSING"}
        return
    (slot,) = answer.slots
    quote = slot.quote
    assert quote is not None
    quoted = {money_text(each, 2, KRONOR) for each in (quote.amount, quote.then, quote.saving) if each is not None}
    for text in (slot.fields["title"], slot.fields["cta"]["label"]):
        assert set(MONEY.findall(text)) <= quoted, text
