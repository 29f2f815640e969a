"""Do rules read well to the person who has to answer for them?"""

import pytest
from hypothesis import given

from audiences.rules import EventType, Rule, TraitType, Type, ValueType, Vocabulary, parse
from audiences.rules.describe import Labels, describe
from tests.audiences.rules.strategies import VOCABULARY, Json, documents

SHOP = Vocabulary(
    traits={
        "tier": TraitType(Type.STRING),
        "market": TraitType(Type.STRING),
        "trial_count": TraitType(Type.INT),
        "last_trial_end": TraitType(Type.DATE),
        "email_opt_in": TraitType(Type.BOOL),
        "genres": TraitType(Type.SET),
        "birth_year": TraitType(Type.INT),
    },
    contexts={
        "platform": ValueType(Type.STRING),
        "app_version": ValueType(Type.VERSION),
        "hour": ValueType(Type.INT),
    },
    events={
        "listen": EventType({"content": ValueType(Type.STRING)}),
        "ad_skip": EventType({"ads": ValueType(Type.INT)}),
        "paywall_view": EventType(),
        "checkout_start": EventType(),
        "skip_limit": EventType(in_history=True),
    },
    audiences=dict.fromkeys(("winback_candidates", "employees", "heavy_free_se_gb")),
)

GOLDEN: list[tuple[Json, str]] = [
    (
        {
            "all": [
                {"trait": "tier", "op": "eq", "value": "free"},
                {"event": "listen", "agg": "days", "window": 28, "op": "gte", "value": 12},
                {"event": "ad_skip", "agg": "sum", "field": "ads", "window": 7, "op": "gt", "value": 40},
                {"trait": "trial_count", "op": "eq", "value": 0},
                {"trait": "market", "op": "in", "value": ["SE", "GB"]},
            ]
        },
        (
            "Tier is free, and listen happened on at least 12 of the last 28 days, and ads of ad skip add up to more"
            " than 40 in the last 7 days, and trial count is 0, and market is GB or SE."
        ),
    ),
    (
        {
            "all": [
                {"trait": "last_trial_end", "op": "before_days", "value": 180},
                {"trait": "email_opt_in", "op": "ne", "value": False},
            ]
        },
        "Last trial end was at least 180 days ago, and email opt in is not no (or unknown).",
    ),
    (
        {
            "any": [
                {"event": "paywall_view", "agg": "count", "window": 28, "op": "gte", "value": 3},
                {"event": "checkout_start", "agg": "last", "window": 28, "op": "within_days", "value": 7},
            ]
        },
        (
            "Paywall view happened at least 3 times in the last 28 days, or checkout start last happened in the last 7"
            " days."
        ),
    ),
    (
        {
            "all": [
                {"trait": "genres", "op": "any_of", "value": ["kpop", "pop"]},
                {"not": {"trait": "market", "op": "in", "value": ["KR"]}},
            ]
        },
        "Genres include kpop or pop, and market is not KR (or unknown).",
    ),
    (
        {
            "all": [
                {"audience": "winback_candidates", "op": "in"},
                {"audience": "employees", "op": "nin"},
                {"bucket": "winback-split", "op": "lt", "value": 2500},
            ]
        },
        (
            "They are in the audience Win-back candidates, and they are not in the audience employees, and they are in"
            " the first 25 % of the random split winback-split."
        ),
    ),
    (
        {
            "all": [
                {"audience": "heavy_free_se_gb", "op": "in"},
                {"ctx": "platform", "op": "in", "value": ["ios", "android"]},
                {"ctx": "app_version", "op": "gte", "value": "8.9.40"},
            ]
        },
        (
            "They are in the audience heavy free se gb, and the request's platform is android or ios, and the request's"
            " app version is 8.9.40 or newer."
        ),
    ),
    (
        {
            "all": [
                {
                    "history": "event",
                    "key": "skip_limit",
                    "agg": "count",
                    "of": "custom",
                    "window": "local_day",
                    "op": "gte",
                    "value": 2,
                },
                {"ctx": "hour", "op": "between", "value": [17, 23]},
            ]
        },
        "Skip limit happened at least 2 times today, the account's day, and the request's hour is from 17 to 23.",
    ),
    (
        {
            "all": [
                {"trait": "birth_year", "op": "present"},
                {"trait": "birth_year", "op": "between", "value": [1996, 2008]},
                {"event": "listen", "agg": "days", "window": 28, "op": "lt", "value": 4},
                {
                    "event": "listen",
                    "agg": "days",
                    "window": 63,
                    "where": {"content": "podcast"},
                    "op": "gte",
                    "value": 10,
                },
            ]
        },
        (
            "Birth year is known, and birth year is from 1996 to 2008, and listen happened on fewer than 4 of the last"
            " 28 days, and listen with content podcast happened on at least 10 of the last 63 days."
        ),
    ),
]

SMALL: list[tuple[Json, str]] = [
    ({"all": []}, "They are anybody."),
    ({"not": {"any": []}}, "It is not so that they are nobody."),
    ({"trait": "market", "op": "nin", "value": ["SE", "GB", "KR"]}, "Market is neither GB, KR nor SE (or unknown)."),
    (
        {"trait": "market", "op": "in", "value": [f"M{n:02d}" for n in range(20)]},
        "Market is M00, M01, M02, M03, M04, M05, M06, M07 or 12 more.",
    ),
    ({"trait": "last_trial_end", "op": "before_months", "value": 12}, "Last trial end was at least 12 months ago."),
    (
        {"trait": "genres", "op": "none_of", "value": ["pop", "rock"]},
        "Genres include neither pop nor rock (or are unknown).",
    ),
    (
        {"not": {"all": [{"trait": "tier", "op": "present"}, {"ctx": "hour", "op": "lt", "value": 6}]}},
        "It is not so that (tier is known, and the request's hour is below 6).",
    ),
    (
        {"history": "plan_group", "key": "individual", "agg": "last", "of": "redemption", "op": "absent"},
        "Redemption of plan group individual has never happened.",
    ),
    (
        {"history": "all", "agg": "count", "of": "impression", "window": {"hours": 24}, "op": "lt", "value": 1},
        "Impression of anything did not happen in the last 24 hours.",
    ),
    (
        {
            "history": "mechanic",
            "key": "WIN_BACK",
            "agg": "count",
            "of": "conversion",
            "window": {"months": 12},
            "op": "eq",
            "value": 0,
        },
        "Conversion of mechanic WIN_BACK did not happen in the last 12 months.",
    ),
    (
        {
            "all": [
                {
                    "history": "plan_group",
                    "key": "individual",
                    "agg": "last",
                    "of": "trial",
                    "op": "before_months",
                    "value": 12,
                },
                {
                    "history": "plan_group",
                    "key": "individual",
                    "agg": "count",
                    "of": "paid",
                    "op": "eq",
                    "value": 0,
                    "window": {"since": {"history": "plan_group", "key": "individual", "of": "trial"}},
                },
            ]
        },
        (
            "The last trial of plan group individual was at least 12 months ago, and paid period of plan group"
            " individual did not happen since the last trial of plan group individual."
        ),
    ),
    (
        {"event": "checkout_start", "agg": "last", "window": 28, "op": "before_days", "value": 1},
        "Checkout start happened in the last 28 days but not in the last day.",
    ),
    (
        {"bucket": "split", "op": "between", "value": [2500, 4999]},
        "They are from 25 % to 50 % of the random split split.",
    ),
]


@pytest.mark.parametrize(("node", "sentence"), GOLDEN + SMALL)
def test_a_rule_reads_as_a_sentence(node: Json, sentence: str) -> None:
    rule = parse({"v": 1, "rule": node}, SHOP)
    assert isinstance(rule, Rule), rule

    said = describe(rule, Labels(audiences={"winback_candidates": "Win-back candidates"}))

    assert said == sentence


@given(documents())
def test_every_rule_can_be_said(document: Json) -> None:
    rule = parse(document, VOCABULARY)
    assert isinstance(rule, Rule)

    assert describe(rule).endswith(".")
