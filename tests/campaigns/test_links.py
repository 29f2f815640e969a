"""Does a deep link open nothing but what it says?"""

import pytest

from campaigns.links import objection

SCHEMES = frozenset({"merch"})


@pytest.mark.parametrize(
    "link",
    [
        "https://www.example.com",
        "https://www.example.com/offers?from=home&code=A%20B#top",
        "https://example.co.uk:443/a",
        "HTTPS://example.com/A",
        "https://xn--bcher-kva.example/",
        "https://example.com/%E2%82%AC",
        "merch://upgrade",
        "merch://offers/trial-30?source=hero",
        "https://example.com/sök",
    ],
)
def test_an_honest_link_passes(link: str) -> None:
    assert objection(link, SCHEMES) is None


@pytest.mark.parametrize(
    "link",
    [
        "",
        " ",
        None,
        7,
        ["https://example.com"],
        "http://example.com",
        "HtTp://example.com",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "data:text/html,<script>alert(1)</script>",
        "data:text/html;base64,PHNjcmlwdD4=",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "java\tscript:alert(1)",
        "java\x00script:alert(1)",
        "\x01javascript:alert(1)",
        " javascript:alert(1)",
        "javascript\u200b:alert(1)",
        "%6aavascript:alert(1)",
        "%256aavascript:alert(1)",
        "javascript%3Aalert(1)",
        "java%0ascript:alert(1)",
        "ｊavascript:alert(1)",
        "javascript：alert(1)",
        "vbscript:msgbox(1)",
        "view-source:https://example.com",
        "blob:https://example.com/1",
        "intent://scan/#Intent;scheme=zxing;end",
        "tel:+4612345",
        "sms:12345",
        "mailto:a@example.com",
        "other://home",
        "merchx://home",
        "merch:home",
        "merch:javascript:alert(1)",
        "merch:",
        "//example.com",
        "///example.com",
        "\\\\example.com",
        "/\\example.com",
        "https:\\\\example.com",
        "https:/example.com",
        "https:example.com",
        "https:///example.com",
        "https://",
        "https://?a",
        "https://#a",
        "https://user@example.com",
        "https://user:secret@example.com",
        "https://good.example.com@evil.example",
        "https://good.example.com%40evil.example",
        "https://good.example.com%2f@evil.example",
        "https://good.example.com\\@evil.example",
        "https://good.example.com%5c@evil.example",
        "https://example.com%00.evil.example",
        "https://example.com%0d%0aSet-Cookie:a=b",
        "https://example.com/%0d%0aLocation:https://evil.example",
        "https://example.com/\r\nx",
        "https://example.com/a b",
        "https://example.com/\u202egnp.exe",
        "https://example.com/a\u00adb",
        "https://example\u3002com/",
        "https://ex\u0430mple.com/",
        "https://ｅxample.com/",
        "https://example.com．evil.example/",
        "https://example.com/\ufeff",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://[::1]/",
        "https://[::1/",
        "https://example.com:8443/",
        "https://example.com:99999/",
        "https://example.com:abc/",
        "https://-example.com/",
        "https://example..com/",
        "https://.example.com/",
        "https://example.com./",
        "https://example.com/{price}",
        "https://example.com/<script>",
        'https://example.com/" onclick="alert(1)',
        "https%3A%2F%2Fexample.com",
        "https://%65xample.com",
        "https://example.com/\ud800",
        f"https://example.com/{'a' * 2_000}",
    ],
)
def test_a_trick_does_not(link: object) -> None:
    assert objection(link, SCHEMES) is not None


def test_the_sentence_names_the_schemes() -> None:
    assert objection("http://example.com", SCHEMES) == "does not begin with https:// or merch://"
