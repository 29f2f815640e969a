"""Is an amount written as people of the locale write it?"""

from decimal import Decimal

import pytest
from babel.numbers import format_currency

from campaigns.money import exponent, known_currency, known_locale, money_styles

SWEDISH = {"prefix": "", "suffix": "\xa0kr", "group": "\xa0", "decimal": ",", "primary": 3, "secondary": 3}


def test_swedish_money() -> None:
    assert money_styles(["sv-SE"], ["SEK"]) == {"sv-SE": {"SEK": SWEDISH}}


@pytest.mark.parametrize(
    ("locale", "currency", "text"),
    [
        ("sv-SE", "SEK", "1\xa0234\xa0567,89\xa0kr"),
        ("en-US", "USD", "$1,234,567.89"),
        ("en-US", "SEK", "SEK\xa01,234,567.89"),
        ("de-DE", "EUR", "1.234.567,89\xa0€"),
        ("en-IN", "INR", "₹12,34,567.89"),
        ("fr-FR", "EUR", "1\u202f234\u202f567,89\xa0€"),
        ("pt-BR", "BRL", "R$\xa01.234.567,89"),
        ("ar-EG", "EGP", "\u200f1,234,567.89\xa0ج.م.\u200f"),
    ],
)
def test_styles_write_what_cldr_writes(locale: str, currency: str, text: str) -> None:
    style = money_styles([locale], [currency])[locale][currency]

    assert written(123_456_789, style) == text
    if currency != "SEK" or locale == "sv-SE":  # babel leaves out CLDR's space between letters and digits
        amount = Decimal("1234567.89")
        assert text == format_currency(amount, currency, locale=locale.replace("-", "_"), numbering_system="latn")


def written(amount: int, style: dict[str, object]) -> str:
    """Two decimals, as a client of the release writes them."""
    whole, fraction = str(amount)[:-2], str(amount)[-2:]
    primary, secondary = int(str(style["primary"])), int(str(style["secondary"]))
    groups, rest = [whole[-primary:]], whole[:-primary]
    while rest:
        groups.insert(0, rest[-secondary:])
        rest = rest[:-secondary]
    return f"{style['prefix']}{str(style['group']).join(groups)}{style['decimal']}{fraction}{style['suffix']}"


def test_an_unknown_locale_is_written_as_its_language_or_in_english() -> None:
    styles = money_styles(["sv-XX", "qq-QQ", "not a locale"], ["SEK"])

    assert styles["sv-XX"]["SEK"] == SWEDISH
    assert styles["qq-QQ"]["SEK"]["prefix"] == styles["not a locale"]["SEK"]["prefix"] == "SEK\xa0"


@pytest.mark.parametrize(("currency", "decimals"), [("SEK", 2), ("JPY", 0), ("KWD", 3), ("HUF", 2), ("CLF", 4)])
def test_decimals_are_those_of_iso_4217(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("code", ["", "sek", "XXQ", "€"])
def test_an_unknown_currency_is_refused(code: str) -> None:
    assert not known_currency(code)
    with pytest.raises(ValueError, match="no ISO 4217 currency"):
        exponent(code)


@pytest.mark.parametrize(
    ("tag", "known"), [("sv", True), ("sv-SE", True), ("zh-Hant-TW", True), ("xx", False), ("", False), ("🦄", False)]
)
def test_locales(tag: str, known: bool) -> None:
    assert known_locale(tag) is known
