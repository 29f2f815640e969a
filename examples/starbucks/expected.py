"""What do the files themselves say? (Counted with pandas, by nothing of the product.)"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

BASE = date(2018, 8, 1)
ARMS = {"bogo": 0.3, "discount": 0.3, "informational": 0.15, "none": 0.25}


class Files:
    """The three files of a data folder."""

    def __init__(self, folder: Path) -> None:
        self.people = pd.read_parquet(folder / "profile.parquet")
        self.events = pd.read_parquet(folder / "transcript.parquet")
        self.offers = pd.read_json(folder / "portfolio.json", lines=True)

    def audiences(self, as_of: date) -> dict[str, int]:
        """Size of each audience of catalogue.yaml; windows end before the day."""
        return {slug: len(found) for slug, found in self.members(as_of).items()}

    def members(self, as_of: date) -> dict[str, set[str]]:
        people, everybody = self.people, set(self.people["person"])
        bought_28, bought_30, bought_7 = (self._within("transaction", days, as_of) for days in (28, 30, 7))
        viewed = set(self._within("offer viewed", 30, as_of)["person"])
        completed = set(self._within("offer completed", 30, as_of)["person"])
        purchases, spent = bought_28.groupby("person").size(), bought_28.groupby("person")["amount"].sum().round(2)
        days = bought_30.assign(day=bought_30["hour"] // 24).groupby("person")["day"].nunique()
        regulars = set(purchases[purchases >= 3].index)
        joined = pd.to_datetime(people["became_member_on"], format="%Y%m%d")
        old = joined <= pd.Timestamp(as_of - timedelta(days=365))
        return {
            "comfortable": set(people[people["income"] >= 60_000]["person"]),
            "regulars": regulars,
            "looked-only": viewed - completed,
            "big-spenders": set(spent[spent >= 150].index),
            "on-many-days": set(days[days >= 8].index),
            "older-members": set(people[old & ~people["gender"].isin(["M", "O"])]["person"]),
            "quiet-regulars": regulars - set(bought_7["person"]),
            "unknown-people": everybody & set(people[(people["age"] == 118) & people["income"].isna()]["person"]),
        }

    def heroes(self, as_of: date, people: Iterable[str]) -> dict[str, int]:
        """How many of these people see which campaign of campaigns.yaml in home-hero: the first that fits."""
        asked = set(people)
        members = {slug: found & asked for slug, found in self.members(as_of).items()}
        bought = asked & set(self.events[self.events["event"] == "transaction"]["person"])
        buy_one = members["regulars"]
        save = members["looked-only"] - buy_one
        news = (members["comfortable"] | bought) - buy_one - save
        nobody = len(asked) - len(buy_one) - len(save) - len(news)
        return {"buy-one": len(buy_one), "save": len(save), "news": len(news), "EMPTY": nobody}

    def effects(self) -> dict[str, tuple[float, float]]:
        """Spend in hours [0, 168) by type of the offer received at hour 0 minus that of nobody's; and Welch's error."""
        first = self.events[(self.events["event"] == "offer received") & (self.events["hour"] == 0)]
        kinds = self.offers.set_index("id")["offer_type"]
        arm = first.set_index("person")["offer_id"].map(kinds).reindex(self.people["person"]).fillna("none")
        week = self.events[(self.events["event"] == "transaction") & (self.events["hour"] < 168)]
        spend = week.groupby("person")["amount"].sum().reindex(arm.index).fillna(0.0)
        told = spend.groupby(arm).agg(["mean", "var", "count"])
        none: Any = told.loc["none"]
        return {
            kind: (
                float(row["mean"] - none["mean"]),
                float((row["var"] / row["count"] + none["var"] / none["count"]) ** 0.5),
            )
            for kind, row in told.iterrows()
            if kind != "none"
        }

    def _within(self, event: str, days: int, as_of: date) -> Any:
        """Events of the whole UTC days [as_of - days, as_of)."""
        hours = (as_of - BASE).days * 24
        chosen = self.events["hour"].between(hours - days * 24, hours - 1)
        return self.events[(self.events["event"] == event) & chosen]
