"""Which arm does this subject get, is it held out, and with what probability?

Everything here follows from the subject's id, the frozen description of the experiment or holdout, and a
date. Instants are whole microseconds since 1970 UTC. All ranges, of buckets and of time, are half-open.

Two hashes, two salts. The layer's salt says whether a subject may enter, the experiment's own salt which
variant it gets. Growing an allocation therefore lets subjects in and moves nobody between variants.
"""

from collections.abc import Container
from enum import StrEnum

import msgspec

from audiences.hashing import bucket, unit
from audiences.tiers import Tier

NEVER_WITHHELD: frozenset[Tier] = frozenset({Tier.LEGAL, Tier.SERVICE})
"""What the law or the service must say is said to everybody, whatever a holdout lists."""

Marks = Container[tuple[str, int]]
"""The (experiment key, version) pairs this subject has been exposed to, as published in its record."""


class Variant(msgspec.Struct, frozen=True):
    """An arm and its whole-number weight. Weights of an experiment may add up to anything above 0."""

    key: str
    weight: int


class Allocation(msgspec.Struct, frozen=True):
    """Buckets of the layer that an experiment owns for a while. ``to_us`` None means until further notice."""

    start_bucket: int
    end_bucket: int
    from_us: int
    to_us: int | None = None


class ExperimentSpec(msgspec.Struct, frozen=True):
    """An experiment as a release carries it.

    ``version`` is bumped by any edit of variants, weights, rule or salt, never by a ramp. ``propensities``
    are declared (variant key, probability) pairs, read for ``external`` experiments only: assigned elsewhere.
    """

    key: str
    version: int
    salt: str
    layer_salt: str
    ranges: tuple[Allocation, ...]
    variants: tuple[Variant, ...]
    external: bool = False
    propensities: tuple[tuple[str, float], ...] = ()


class Arm(msgspec.Struct, frozen=True):
    """What a subject was assigned. ``propensity`` is of this variant, given that it is in the experiment."""

    experiment: str
    version: int
    variant: str
    propensity: float


class HoldoutScope(StrEnum):
    """What a holdout withholds. Members stand in the order in which they are asked."""

    GLOBAL = "GLOBAL"
    DOMAIN = "DOMAIN"
    CAMPAIGN = "CAMPAIGN"


class HoldoutPeriod(msgspec.Struct, frozen=True):
    """One draw for one stretch of time. To grow it, end it and go on with the same salt and a larger size.

    Periods of one holdout may overlap, as when last quarter's group stays dark a while longer: both are then
    held out. ``number`` names the draw in exposures.
    """

    salt: str
    from_us: int
    to_us: int | None
    size_per_10000: int
    number: int = 1


class HoldoutSpec(msgspec.Struct, frozen=True):
    """Subjects withheld from a scope. ``scope_key`` is the domain's or campaign's key, empty for GLOBAL."""

    key: str
    scope: HoldoutScope
    scope_key: str
    tiers: frozenset[Tier]
    periods: tuple[HoldoutPeriod, ...]


def arm(spec: ExperimentSpec, subject_key: str, now_us: int, marks: Marks = ()) -> Arm | None:
    """The subject's arm, or None when it is not in the experiment or somebody else assigns it (``external``).

    A subject marked as exposed to this very version stays in its arm after a down-ramp took its bucket away.
    """
    if spec.external or not (in_allocation(spec, subject_key, now_us) or (spec.key, spec.version) in marks):
        return None
    total = sum([variant.weight for variant in spec.variants])
    point = unit(spec.salt, subject_key) * total
    # Against the cumulative whole numbers, never by subtraction: SQL must cut at the very same doubles.
    reached = 0
    for variant in spec.variants:
        reached += variant.weight
        if point < reached:
            return Arm(spec.key, spec.version, variant.key, variant.weight / total)
    return None


def in_allocation(spec: ExperimentSpec, subject_key: str, now_us: int) -> bool:
    """Does the experiment own this subject's bucket of the layer at this instant?"""
    number = bucket(spec.layer_salt, subject_key)
    for allocation in spec.ranges:
        if allocation.start_bucket <= number < allocation.end_bucket and _covers(
            allocation.from_us, allocation.to_us, now_us
        ):
            return True
    return False


def propensity(spec: ExperimentSpec, variant_key: str) -> float | None:
    """The probability of this variant for a subject in the experiment. None: no such variant or declaration."""
    if spec.external:
        return dict(spec.propensities).get(variant_key)
    weights = {variant.key: variant.weight for variant in spec.variants}
    total = sum(weights.values())
    return weights[variant_key] / total if variant_key in weights and total else None


def held_out(spec: HoldoutSpec, subject_key: str, at_us: int) -> bool:
    """Was, is or will this subject be withheld at this instant? Needs nothing but the id and the date."""
    return drawn_in(spec, subject_key, at_us) is not None


def drawn_in(spec: HoldoutSpec, subject_key: str, at_us: int) -> HoldoutPeriod | None:
    """The draw that withholds this subject at this instant; of overlapping ones the first listed."""
    for period in spec.periods:
        if _covers(period.from_us, period.to_us, at_us) and bucket(period.salt, subject_key) < period.size_per_10000:
            return period
    return None


def withholds_from(spec: HoldoutSpec, tier: Tier, domain: str | None, campaign: str) -> bool:
    """Does this holdout speak about this campaign at all? ``domain`` None: the campaign belongs to none."""
    if tier in NEVER_WITHHELD or tier not in spec.tiers:
        return False
    match spec.scope:
        case HoldoutScope.GLOBAL:
            return True
        case HoldoutScope.DOMAIN:
            return spec.scope_key == domain
        case HoldoutScope.CAMPAIGN:
            return spec.scope_key == campaign


def _covers(from_us: int, to_us: int | None, at_us: int) -> bool:
    return from_us <= at_us and (to_us is None or at_us < to_us)
