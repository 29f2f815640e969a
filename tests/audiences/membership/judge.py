"""An independent answer to the test audiences, computed with pandas from the stored facts."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import md5
from typing import Any

import pandas as pd

from audiences.models import ListMember, Subject
from tests.audiences.membership.population import DAY, NOW, TODAY, TRAITS

Rule = dict[str, Any]
EPOCH_DAY = pd.Timestamp("1970-01-01").date()
TODAY_NUMBER = (TODAY - EPOCH_DAY).days


class World:
    """Traits and events as data frames."""

    def __init__(self, doings: list[dict[str, Any]]) -> None:
        rows = Subject.objects.order_by("pk").values_list("pk", "key", "traits")
        self.traits = pd.DataFrame(
            [{name: (traits.get(name) or [None])[0] for name, _, _ in TRAITS} for _, _, traits in rows],
            index=pd.Index([pk for pk, _, _ in rows]),
            dtype="object",
        )
        self.observed = pd.DataFrame(
            [{name: (traits.get(name) or [None, 0])[1] for name, _, _ in TRAITS} for _, _, traits in rows],
            index=self.traits.index,
        )
        self.keys = pd.Series([key for _, key, _ in rows], index=self.traits.index)
        self.events = pd.DataFrame(doings)

    def window(self, name: str, days: int) -> Any:
        events = self.events
        return events[
            (events["name"] == name) & (events["day"] < TODAY) & (events["day"] >= TODAY - timedelta(days=days))
        ]

    def per_subject(self, values: Any) -> Any:
        return values.reindex(self.traits.index, fill_value=0)

    def test(self, trait: str, ask: Callable[[Any], bool]) -> Any:
        return self.traits[trait].map(lambda value: value is not None and ask(value)).astype(bool)

    def bucket(self, salt: str) -> Any:
        return self.keys.map(lambda key: int(md5(f"{salt}:{key}".encode()).hexdigest()[:15], 16) % 10_000)  # noqa: S324


def _minutes(world: World) -> Any:
    recent = world.window("listen", 7)
    minutes = recent["properties"].map(lambda properties: properties.get("minutes", 0))
    return world.per_subject(minutes.groupby(recent["subject"]).sum())


def _gift_spend(world: World) -> Any:
    recent = world.window("purchase", 30)
    gifts = recent[recent["properties"].map(lambda properties: properties["gift"])]
    spent = gifts["properties"].map(lambda properties: round(float(properties["amount"]) * 100))
    return world.per_subject(spent.groupby(gifts["subject"]).sum())


def _podcasts(world: World) -> Any:
    recent = world.window("listen", 28)
    podcasts = recent[recent["properties"].map(lambda properties: properties["content"] == "podcast")]
    return world.per_subject(podcasts.groupby("subject").size())


def _last(world: World, days: int) -> Any:
    recent = world.window("listen", days)
    return recent.groupby("subject")["day"].max().reindex(world.traits.index)


def _seen_recently(world: World) -> Any:
    fresh = NOW - world.observed["last_seen"] <= 90 * DAY
    return world.test("last_seen", lambda at: NOW - 14 * DAY < at <= NOW) & fresh


def _listen_days(world: World, days: int) -> Any:
    return world.per_subject(world.window("listen", days).groupby("subject")["day"].nunique())


# slug -> the rule, and the same in pandas
AUDIENCES: dict[str, tuple[Rule, Callable[[World], Any]]] = {
    "free": ({"trait": "tier", "op": "eq", "value": "free"}, lambda w: w.test("tier", lambda v: v == "free")),
    "empty-tier": ({"trait": "tier", "op": "eq", "value": ""}, lambda w: w.test("tier", lambda v: v == "")),
    "not-free": ({"trait": "tier", "op": "ne", "value": "free"}, lambda w: ~w.test("tier", lambda v: v == "free")),
    "scored": ({"trait": "score", "op": "between", "value": [0, 9]}, lambda w: w.test("score", lambda v: 0 <= v <= 9)),
    "rich": ({"trait": "balance", "op": "gte", "value": "20.50"}, lambda w: w.test("balance", lambda v: v >= 2050)),
    "opted-in": ({"trait": "opted_in", "op": "eq", "value": True}, lambda w: w.test("opted_in", bool)),
    "trial-long-ago": (
        {"trait": "trial_end", "op": "before_days", "value": 365},
        lambda w: w.test("trial_end", lambda v: v <= TODAY_NUMBER - 365),
    ),
    "seen": ({"trait": "last_seen", "op": "within_days", "value": 14}, _seen_recently),
    "jazz-or-odd": (
        {"trait": "genres", "op": "any_of", "value": ["jazz", 'a "quoted", genre', "två\nrader"]},
        lambda w: w.test("genres", lambda v: bool({"jazz", 'a "quoted", genre', "två\nrader"} & set(v))),
    ),
    "new-client": (
        {"trait": "client", "op": "gte", "value": "8.9"},
        lambda w: w.test("client", lambda v: v >= (8 << 48) | (9 << 34)),
    ),
    "keen": (
        {"event": "listen", "agg": "days", "window": 28, "op": "gte", "value": 4},
        lambda w: _listen_days(w, 28) >= 4,
    ),
    "lapsed": (
        {"event": "listen", "agg": "count", "window": 7, "op": "eq", "value": 0},
        lambda w: _listen_days(w, 7) == 0,
    ),
    "long-sessions": (
        {"event": "listen", "agg": "sum", "field": "minutes", "window": 7, "op": "gt", "value": 60},
        lambda w: _minutes(w) > 60,
    ),
    "podcast": (
        {"event": "listen", "agg": "count", "window": 28, "where": {"content": "podcast"}, "op": "gte", "value": 2},
        lambda w: _podcasts(w) >= 2,
    ),
    "gift-givers": (
        {
            "event": "purchase",
            "agg": "sum",
            "field": "amount",
            "window": 30,
            "where": {"gift": True},
            "op": "gte",
            "value": "25.00",
        },
        lambda w: _gift_spend(w) >= 2500,
    ),
    "quiet": (
        {"event": "listen", "agg": "last", "window": 30, "op": "before_days", "value": 10},
        lambda w: _last(w, 30).map(lambda day: day == day and day is not None and day < TODAY - timedelta(days=10)),
    ),
    "half": ({"bucket": "split", "op": "lt", "value": 5000}, lambda w: w.bucket("split") < 5000),
    "staff": ({}, lambda w: w.keys.index.isin(list(ListMember.objects.values_list("subject_id", flat=True)))),
    "keen-not-staff": (
        {"all": [{"audience": "keen", "op": "in"}, {"not": {"audience": "staff", "op": "in"}}]},
        lambda w: (
            (_listen_days(w, 28) >= 4)
            & ~w.keys.index.isin(list(ListMember.objects.values_list("subject_id", flat=True)))
        ),
    ),
    "everyone": ({"all": []}, lambda w: w.keys.notna()),
}
