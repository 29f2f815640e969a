"""Which experiments are read out today?"""

from __future__ import annotations

import logging
from datetime import datetime

from celery import shared_task
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from experiments.analysis import analyze
from experiments.lifecycle import State
from experiments.models import Experiment, Readout
from experiments.problems import Refused

logger = logging.getLogger(__name__)

# A stopped one is read on until somebody concludes it: its windows ripen.
READ_DAILY = (State.RUNNING, State.PAUSED, State.STOPPED)


@shared_task(name="experiments.read_out_due", ignore_result=True)
def read_out_due() -> int:
    """Ring for every experiment that was not read today; how many. A bell that is lost is rung again in an hour."""
    keys = list(_due(timezone.now()).values_list("key", flat=True))
    for key in keys:
        read_out.delay(key)
    return len(keys)


@shared_task(name="experiments.read_out", ignore_result=True)
def read_out(key: str) -> bool:
    """Read one experiment out as of now, once a UTC day; whether it was read. A task handed out twice does nothing."""
    now = timezone.now()
    experiment = _due(now).filter(key=key).first()
    if experiment is None:
        return False
    try:
        analyze(experiment, as_of=now)
    except Refused as refused:
        logger.warning("%s was not read out: %s", key, refused)
        return False
    return True


def _due(now: datetime) -> QuerySet[Experiment]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    read = Readout.objects.filter(experiment=OuterRef("pk"), version=OuterRef("version"), as_of__gte=today)
    return Experiment.objects.filter(~Exists(read), state__in=[state.value for state in READ_DAILY])
