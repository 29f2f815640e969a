"""How does a row keep a wall time, which is no instant until a zone is known?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    MomentField = models.DateTimeField[Any, Any]
else:
    MomentField = models.DateTimeField


class WallTimeField(MomentField):
    """What a clock on the wall shows, without a zone; naive in Python, ``timestamp`` in the database.

    An aware value keeps the hands of its own clock: 09:00+02:00 is 09:00.
    """

    description = "Wall time"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "timestamp"

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        return moment.replace(tzinfo=None) if isinstance(moment, datetime) else moment

    def get_prep_value(self, value: Any) -> Any:
        # The parent would warn about a naive value and make it an instant.
        return self.to_python(value) if isinstance(value, datetime | str) else value
