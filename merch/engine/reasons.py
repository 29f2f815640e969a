"""Why did a candidate win or lose, and why is a placement filled or empty?"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Every code that an answer can carry; the losing ones stand in the order in which they are asked."""

    KILLED = "KILLED"
    LEGAL_BLOCK = "LEGAL_BLOCK"
    CONSENT_MISSING = "CONSENT_MISSING"
    DEGRADED_NO_SUBJECT = "DEGRADED_NO_SUBJECT"
    SUPPRESSED = "SUPPRESSED"
    OUT_OF_SCHEDULE = "OUT_OF_SCHEDULE"
    NOT_IN_MARKET = "NOT_IN_MARKET"
    FORMAT_MISMATCH = "FORMAT_MISMATCH"
    CLIENT_TOO_OLD = "CLIENT_TOO_OLD"
    LOCALE_MISSING = "LOCALE_MISSING"
    CONTENT_MISSING = "CONTENT_MISSING"
    TRAIT_STALE = "TRAIT_STALE"
    TRAIT_MISSING = "TRAIT_MISSING"
    AUDIENCE_MISS = "AUDIENCE_MISS"
    TARGETING_MISS = "TARGETING_MISS"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    ALREADY_REDEEMED = "ALREADY_REDEEMED"
    GUARD_BLOCK = "GUARD_BLOCK"
    CAPPED = "CAPPED"
    DUPLICATE_OFFER = "DUPLICATE_OFFER"
    HOLDOUT_GLOBAL = "HOLDOUT_GLOBAL"
    HOLDOUT_DOMAIN = "HOLDOUT_DOMAIN"
    HOLDOUT_CAMPAIGN = "HOLDOUT_CAMPAIGN"
    VARIANT_EMPTY = "VARIANT_EMPTY"
    OUTRANKED = "OUTRANKED"

    SELECTED = "SELECTED"
    FALLBACK = "FALLBACK"
    EMPTY = "EMPTY"
    UNKNOWN_PLACEMENT = "UNKNOWN_PLACEMENT"
    ERROR = "ERROR"

    DEGRADED_STALE_RELEASE = "DEGRADED_STALE_RELEASE"


# Losing only after having earned the slot: these are worth recording with every served answer.
WOULD_HAVE_WON = frozenset(
    {
        Reason.DUPLICATE_OFFER,
        Reason.HOLDOUT_GLOBAL,
        Reason.HOLDOUT_DOMAIN,
        Reason.HOLDOUT_CAMPAIGN,
        Reason.VARIANT_EMPTY,
    }
)
