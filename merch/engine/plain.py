"""What are all documents made of?"""

from __future__ import annotations

from typing import Any

import msgspec

Rule = dict[str, Any]


class Doc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything inside a release: immutable, named fields only, unknown ones refused."""
