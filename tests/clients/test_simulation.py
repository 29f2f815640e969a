"""Do offline devices with wrong clocks show no expired price, and is nothing that they saw lost or counted twice?

``make soak-clients`` runs the whole of it, 200 devices over 30 days; the suite a tenth of the devices for ten days.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from audiences.models import Event, Subject
from audiences.moments import SECOND, micros
from tests.api.conftest import Ring
from tests.clients.world import World
from tests.factories import EventDefinitionFactory

STATED = 60 * SECOND  # the bound of docs/algorithms/subject-records.md


def lived(server: Ring, phones: int, days: int) -> World:
    EventDefinitionFactory(name="open", in_history=True, from_clients=True)
    world = World(phones, days)
    server.release = world.release
    server.hold()
    world.run()
    return world


def figures(world: World) -> dict[str, Any]:
    """What the server learned beside what happened."""
    rows = list(Event.objects.values_list("kind", "event_id", "occurred_at"))
    stored = {(kind, event_id): micros(at) for kind, event_id, at in rows}
    impressions = {event_id: at for (kind, event_id), at in stored.items() if kind == "impression"}
    seen, overshoots = world.truth.seen, list(world.overshoots())
    remembered = sum(subject.history.get("all||impression", [0])[0] for subject in Subject.objects.all())
    return {
        "expired_prices": len([wrong for wrong in world.truth.wrong if "price" in wrong]),
        "wrong": world.truth.wrong[:5],
        "impressions": len(seen),
        "impressions_lost": len(seen.keys() - impressions.keys()),
        "impressions_made_up": len(impressions.keys() - seen.keys()),
        "rows_doubled": len(rows) - len(stored),
        "impressions_in_records": remembered,
        "custom_lost": len(world.truth.opened - {event_id for kind, event_id in stored if kind == "custom"}),
        "custom": len(world.truth.opened),
        "custom_rows": len([kind for kind, _, _ in rows if kind == "custom"]),
        "largest_clock_error_seconds": max(abs(at - seen[id_].at) for id_, at in impressions.items()) / SECOND,
        "cap_overshoot": max(over for _, over, _ in overshoots),
        "cap_overshoot_beyond_devices": max(over - (devices - 1) for _, over, devices in overshoots),
        "subjects_at_cap": len(overshoots),
        **dict(sorted(world.truth.counts.items())),
    }


def judge(found: dict[str, Any]) -> None:
    assert (found["expired_prices"], found["wrong"]) == (0, [])
    assert (found["impressions_lost"], found["impressions_made_up"], found["rows_doubled"]) == (0, 0, 0)
    assert found["impressions_in_records"] == found["impressions"], "and each is remembered once"
    assert (found["custom_lost"], found["custom_rows"]) == (0, found["custom"])
    assert found["largest_clock_error_seconds"] * SECOND <= STATED
    assert found["cap_overshoot_beyond_devices"] <= 0, "at most one for each other device of the account"
    for happened in ("prices near the change", "duplicates", "killed", "bundled", "offline", "clocks set"):
        assert found[happened], f"{happened}: it was put to the test"


@pytest.mark.django_db(transaction=True)
def test_twenty_devices_over_ten_days(server: Ring) -> None:
    judge(figures(lived(server, phones=20, days=10)))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_two_hundred_devices_over_thirty_days(server: Ring) -> None:
    found = figures(lived(server, phones=200, days=30))

    print(json.dumps(found, indent=2))
    judge(found)
