"""Is a way of ranking entered as people write it, and are mistakes told beside their field?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Placement, PlacementArm
from experiments.models import Experiment
from tests.factories.campaigns import PlacementFactory
from tests.factories.experiments import ExperimentFactory
from tests.factories.posting import errors, posted

pytestmark = pytest.mark.django_db


def url_of(placement: Placement) -> str:
    return reverse("admin:campaigns_placement_change", args=[placement.pk])


def added(variant: int, **ranking: str) -> dict[str, str]:
    line = {"strategy": "WEIGHTED", "formula": "", "draw_window": "1 hour", "exploration": "500"} | ranking
    return {
        "arms-TOTAL_FORMS": "1", "arms-0-variant": str(variant),
        **{f"arms-0-{name}": value for name, value in line.items()},
    }  # fmt: skip


def test_a_formula_is_checked_when_it_is_saved(annas: Client) -> None:
    placement: Placement = PlacementFactory()
    url = url_of(placement)

    bad = annas.post(url, posted(annas.get(url), strategy="FORMULA", formula="priorty * 2"))
    good = annas.post(url, posted(annas.get(url), strategy="FORMULA", formula="priority * 2"))

    assert bad.context["adminform"].form.errors["formula"] == [
        'At character 1: There is nothing named "priorty". Did you mean priority?'
    ]
    assert good.status_code == 302, errors(good)
    placement.refresh_from_db()
    assert (placement.strategy, placement.formula) == ("FORMULA", "priority * 2")


def test_a_lottery_holds_for_a_time_in_words(annas: Client) -> None:
    placement: Placement = PlacementFactory()
    url = url_of(placement)

    annas.post(url, posted(annas.get(url), strategy="WEIGHTED", draw_window="1 day"))
    bad = annas.post(url, posted(annas.get(url), draw_window="5 seconds"))

    placement.refresh_from_db()
    assert placement.draw_window == timedelta(days=1)
    assert "Use 1 minute to 31 days" in errors(bad)


def test_a_test_of_ranking_is_saved_with_its_arms_or_not_at_all(annas: Client) -> None:
    test: Experiment = ExperimentFactory(kind=Experiment.Kind.PLACEMENT, two_arms=True)
    placement: Placement = PlacementFactory()
    url, arm_b = url_of(placement), test.variants.get(key="b").pk

    alone = annas.post(url, posted(annas.get(url), experiment=str(test.pk)), follow=True)
    assert "The arm b ranks as the placement does." in alone.content.decode()
    assert Placement.objects.get().experiment is None

    whole = annas.post(url, posted(annas.get(url), experiment=str(test.pk), **added(arm_b)))
    assert whole.status_code == 302, errors(whole)
    assert PlacementArm.objects.get().strategy == "WEIGHTED"


def test_a_running_test_keeps_its_ways_of_ranking(annas: Client) -> None:
    test: Experiment = ExperimentFactory(kind=Experiment.Kind.PLACEMENT, two_arms=True, running=True)
    placement: Placement = PlacementFactory(experiment=test)
    PlacementArm.objects.create(placement=placement, variant=test.variants.get(key="b"), strategy="WEIGHTED")
    url = url_of(placement)

    other = annas.post(url, posted(annas.get(url), name="Renamed"))
    refused = annas.post(url, posted(annas.get(url), strategy="BANDIT"), follow=True)

    assert other.status_code == 302, errors(other)
    assert "Pause it first" in refused.content.decode()
    assert (Placement.objects.get().name, Placement.objects.get().strategy) == ("Renamed", "PRIORITY")
