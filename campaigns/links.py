"""Is this a link that a client may be told to open?

Pure. The text is judged as a lenient client would read it: compatibility characters folded, control characters
dropped, percent escapes decoded. A link that reads differently then than it is written is a trick, whatever it says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

LONGEST = 2_000
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE | re.ASCII)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE | re.ASCII)
_ROUNDS = 4  # %2525 decodes in rounds; more than these is nothing but a trick


def objection(link: object, schemes: Collection[str]) -> str | None:
    """What is wrong with the link, as the end of "the link ..."; None: it may be opened.

    ``schemes`` are the app schemes beside https, in lower case.
    """
    if not isinstance(link, str) or not link:
        return "is empty"
    if len(link) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if any(_unseen(character) for character in link):
        return "contains spaces, control or invisible characters"
    if "{" in link or "}" in link or "<" in link or "\\" in link or '"' in link:
        return "contains a bracket, a quote or a backslash"
    return _scheme_objection(link, schemes) or _decoded_objection(link)


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")


def _scheme_objection(link: str, schemes: Collection[str]) -> str | None:
    found = _SCHEME.match(link)
    scheme = found[1].lower() if found else ""
    if scheme != "https" and scheme not in schemes:
        return f"does not begin with {' or '.join(f'{each}://' for each in ('https', *sorted(schemes)))}"
    if not link[len(scheme) :].startswith("://"):
        return f"does not begin with {scheme}://"
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return "cannot be read"
    if "@" in parts.netloc:
        return "names a user"
    if scheme != "https":
        return None
    if not _HOST.fullmatch(parts.hostname or ""):
        return "does not name a host such as www.example.com"
    return None if port in (None, 443) else "names a port"


def _decoded_objection(link: str) -> str | None:
    """The same text, as the most lenient reader sees it, must begin with the same scheme and host."""
    read = unicodedata.normalize("NFKC", link)
    for _ in range(_ROUNDS):
        read = unicodedata.normalize("NFKC", unquote(read))
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in read) or "\\" in read:
        return "hides control characters or backslashes in escapes"
    try:
        before, after = urlsplit(link), urlsplit(read)
    except ValueError:
        return "cannot be read once its escapes are decoded"
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        return "reads differently once its escapes are decoded"
    return None
