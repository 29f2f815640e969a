"""How is a moment written inside records? (Whole microseconds of UTC since 1970-01-01.)"""

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Exact, unlike ``timestamp()``, whose double loses the last digit. A naive moment raises TypeError."""
    return (moment - _EPOCH) // MICROSECOND


def moment(instant: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(microseconds=instant)
