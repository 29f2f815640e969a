"""What may an engineer type for a moment, a person or a reason?

Types for argparse: what does not fit is refused with the option's name and the way out.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.dateparse import parse_datetime

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_REASON = 200


def moment(text: str) -> datetime:
    """An aware moment; without an offset it is read in the server's time zone."""
    try:
        found = parse_datetime(text)
        found = found if found is None or found.tzinfo else timezone.make_aware(found)
    except (ValueError, OverflowError):
        found = None
    if found is None or not FIRST <= found < LAST:
        raise ArgumentTypeError(f"{text!r} is no moment of 1970 to 2199; write it such as 2026-12-25T09:00:00Z.")
    return found


def share(text: str) -> float:
    """A part of a whole."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ArgumentTypeError(f"{text!r} is no share; write a number from 0 to 1, such as 0.01.")
    return found


def person(username: str) -> User:
    """Who acts."""
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise ArgumentTypeError(f"there is no active user {username!r}.")
    return found


def reason(text: str) -> str:
    """Why, as it is kept."""
    if len(text) > LONGEST_REASON:
        raise ArgumentTypeError(f"at most {LONGEST_REASON} characters are kept, not {len(text)}.")
    return text
