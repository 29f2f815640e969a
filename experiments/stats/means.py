"""Is the mean per subject different?"""

from experiments.stats.estimates import Estimate, Level, estimate
from experiments.stats.summaries import Moments


def compare_means(control: Moments, treatment: Moments, alpha: float = 0.05) -> Estimate | None:
    """Welch's t: the arms may differ in spread and size.

    Degrees of freedom after Welch and Satterthwaite: (a + b)^2 / (a^2 / (n1 - 1) + b^2 / (n2 - 1)), a and b
    being the variances of the two means.
    """
    if not (control.usable and treatment.usable):
        return None
    a, b = control.variance_of_mean, treatment.variance_of_mean
    if a + b <= 0:
        return None
    degrees = (a + b) ** 2 / (a * a / (control.subjects - 1) + b * b / (treatment.subjects - 1))
    return estimate(Level(control.mean, a), Level(treatment.mean, b), alpha, degrees)
