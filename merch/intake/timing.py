"""When did it really happen, if the device's clock is wrong? (Table in docs/algorithms/subject-records.md.)"""

from __future__ import annotations

from datetime import UTC, date, datetime

from msgspec import Struct

from audiences.moments import DAY, SECOND, micros, moment
from merch.intake.refusals import Refusal

TOLERATED = 60 * SECOND  # below this the transport itself may be the difference
FAR = DAY + DAY // 2
EARLIEST = micros(datetime(2000, 1, 1, tzinfo=UTC))


class Clock(Struct, frozen=True):
    """The server's time of receipt, and what must be added to what the sender says; UTC microseconds."""

    received_at: int
    offset: int = 0

    @classmethod
    def of(cls, sent_at: datetime | None, now: datetime) -> Clock:
        received_at = micros(now)
        offset = 0 if sent_at is None else received_at - micros(sent_at)
        return cls(received_at, offset if abs(offset) > TOLERATED else 0)

    def corrected(self, claimed: int) -> int:
        """The true instant, never after the receipt. Raises Refusal for what no clock error explains."""
        at = claimed + self.offset
        if at > self.received_at + DAY:
            raise Refusal("occurred_at_future", "occurred_at is over a day ahead; send sent_at by the same clock.")
        if at < EARLIEST:
            raise Refusal("occurred_at_range", "occurred_at lies before the year 2000; send the moment it happened.")
        return min(at, self.received_at)

    def day(self, claimed: int) -> date:
        """The day that makes an id unique, as a retry says it again although its own way here took another time: by
        the sender's clock, and where that names days far away, by whole days beside it.
        """
        far = 0 if abs(self.offset) <= FAR else round(self.offset / DAY)
        return moment(claimed + far * DAY).date()

    def within(self, decided_at: int, claimed: int | None) -> int:
        """A token event happens after its decision and before its receipt."""
        at = self.received_at if claimed is None else claimed + self.offset
        return min(max(at, decided_at), self.received_at)
