"""To whom may this be shown by law, market by market and age by age?

The profiles as the decision reads them (docs/algorithms/decision.md, Law), asked before anybody is there. A market
without a profile is not a market without a law: nothing is shown there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from campaigns.models import LegalProfile, Market
from campaigns.problems import Problem


class Nature(NamedTuple):
    """What the law asks of something shown; ``name`` says what it is: "item hero"."""

    name: str
    profiled: bool
    urgent: bool
    trial: bool


def forbidden(band: LegalProfile, nature: Nature) -> list[str]:
    """Why it may not be shown to anybody of this age here, whatever they agreed to; empty: it may."""
    reasons = (
        (nature.profiled and not band.profiling, "it reads what counts as profiling"),
        (nature.urgent and not band.urgency, "it presses for time"),
        (nature.trial and not band.trial_allowed, "it is a trial"),
    )
    return [why for stands, why in reasons if stands]


def shown_to_nobody(natures: Iterable[Nature], markets: Iterable[Market]) -> Iterator[Problem]:
    """What the law forbids at every age in every market."""
    open_to = [band for market in markets if not market.embargoed for band in market.legal_profiles.all()]
    for nature in natures:
        if not any(not forbidden(band, nature) for band in open_to):
            why = sorted({reason for band in open_to for reason in forbidden(band, nature)})
            said = f": {' and '.join(why)}" if why else ": no market has a legal profile"
            sentence = f"By law nobody may be shown {nature.name}{said}."
            yield Problem("law.nobody", sentence, "Change it, or add a market and a legal profile that allow it.")


def shown_to_some(natures: Iterable[Nature], markets: Iterable[Market]) -> Iterator[Problem]:
    """Where, and at which ages, it will not be shown."""
    asked = list(natures)
    for market in markets:
        bands = list(market.legal_profiles.all())
        if not bands and not market.embargoed:
            sentence = f"The market {market.code} has no legal profile: nothing at all is shown there."
            yield Problem("law.no_profile", sentence, f"Add one to {market.code}.")
        for band in bands:
            for nature in asked:
                why = forbidden(band, nature)
                if why:
                    ages = f"of {band.min_age} to {band.max_age - 1} years"
                    sentence = f"In {market.code} people {ages} are not shown {nature.name}: {' and '.join(why)}."
                    yield Problem("law.band", sentence, "That is the law's doing; nothing needs to be done.")
