"""What must be known about an arm before anything can be inferred from it?

Totals, never rows: one pass of SQL makes them, and arms or days are merged by addition. Money arrives as
whole minor units, so the variances below are computed on exact whole numbers and do not cancel.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Subjects of an arm, and how many of them did it."""

    successes: int
    subjects: int

    @property
    def usable(self) -> bool:
        return self.subjects > 0 and 0 <= self.successes <= self.subjects

    @property
    def share(self) -> float:
        return self.successes / self.subjects

    @property
    def variance_of_share(self) -> float:
        return self.share * (1 - self.share) / self.subjects


@dataclass(frozen=True, slots=True)
class Moments:
    """Subjects of an arm, their mean value and its sample variance (divisor n - 1)."""

    subjects: int
    mean: float
    variance: float

    @classmethod
    def from_totals(cls, subjects: int, total: float, total_of_squares: float) -> Moments | None:
        """From the sum and the sum of squares; None for fewer than two subjects."""
        if subjects < 2:
            return None
        variance = (subjects * total_of_squares - total * total) / (subjects * (subjects - 1))
        # Rounding may leave a constant metric a hair below 0.
        return cls(subjects, total / subjects, max(variance, 0.0))

    @property
    def usable(self) -> bool:
        return self.subjects > 1 and math.isfinite(self.mean) and 0 <= self.variance < math.inf

    @property
    def variance_of_mean(self) -> float:
        return self.variance / self.subjects


@dataclass(frozen=True, slots=True)
class PairTotals:
    """Two values per subject, as five totals: outcome and covariate, or numerator and denominator."""

    subjects: int
    first: float
    second: float
    first_squared: float
    second_squared: float
    product: float

    def __add__(self, other: PairTotals) -> PairTotals:
        return PairTotals(*(ours + theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def usable(self) -> bool:
        return self.subjects > 1 and all(math.isfinite(total) for total in astuple(self))

    @property
    def first_mean(self) -> float:
        return self.first / self.subjects

    @property
    def second_mean(self) -> float:
        return self.second / self.subjects

    @property
    def first_variance(self) -> float:
        return max(self._centred(self.first_squared, self.first, self.first), 0.0)

    @property
    def second_variance(self) -> float:
        return max(self._centred(self.second_squared, self.second, self.second), 0.0)

    @property
    def covariance(self) -> float:
        return self._centred(self.product, self.first, self.second)

    def _centred(self, products: float, one: float, other: float) -> float:
        """A sample (co)variance, divisor n - 1."""
        return (self.subjects * products - one * other) / (self.subjects * (self.subjects - 1))
