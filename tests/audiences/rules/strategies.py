"""Random rules and random subjects, over a small vocabulary in which both often meet."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from audiences.rules import (
    EVERYWHERE,
    Env,
    EventType,
    HistoryCell,
    Kind,
    Rule,
    TraitType,
    Type,
    ValueType,
    Vocabulary,
    encode_trait,
    env_at,
    parse,
    resolve,
)
from audiences.rules.days import DAY, HOUR

Json = dict[str, Any]

MOMENT = datetime(2026, 11, 22, 12, 34, 56, 789_000, tzinfo=UTC)
NOW = int(MOMENT.timestamp()) * 1_000_000 + 789_000
TODAY = NOW // DAY

VOCABULARY = Vocabulary(
    traits={
        "tier": TraitType(Type.STRING, frozenset({"free", "premium", "family"})),
        "market": TraitType(Type.STRING, tolerance=30 * DAY),
        "plan": TraitType(Type.STRING, tolerance=DAY, when_stale="keep"),
        "score": TraitType(Type.INT),
        "balance": TraitType(Type.DECIMAL, scale=2),
        "opt_in": TraitType(Type.BOOL, tolerance=DAY),
        "expiry": TraitType(Type.DATE),
        "last_seen": TraitType(Type.TIMESTAMP, tolerance=90 * DAY),
        "genres": TraitType(Type.SET),
        "client": TraitType(Type.VERSION),
    },
    contexts={
        "platform": ValueType(Type.STRING),
        "app_version": ValueType(Type.VERSION),
        "hour": ValueType(Type.INT),
        "tags": ValueType(Type.SET),
    },
    events={
        "listen": EventType({"content": ValueType(Type.STRING), "minutes": ValueType(Type.INT)}),
        "purchase": EventType({"amount": ValueType(Type.DECIMAL, scale=2), "gift": ValueType(Type.BOOL)}),
        "skip_limit": EventType(in_history=True),
    },
    audiences={
        "payers": {
            "v": 1,
            "rule": {"any": [{"trait": "tier", "op": "nin", "value": ["free"]}, {"trait": "plan", "op": "present"}]},
        },
        "keen": {
            "v": 1,
            "rule": {
                "all": [
                    {"audience": "payers", "op": "nin"},
                    {"event": "listen", "agg": "days", "window": 28, "op": "lt", "value": 2},
                ]
            },
        },
        "employees": None,
    },
)


def audiences() -> Mapping[str, Rule | None]:
    """The vocabulary's audiences, inlined."""
    resolved = resolve(VOCABULARY)
    assert isinstance(resolved, dict), resolved
    return resolved


AUDIENCES = audiences()


def rule_of(document: Json) -> Rule:
    """The rule of a document that must be right."""
    rule = parse(document, VOCABULARY)
    assert isinstance(rule, Rule), rule
    return rule


def _iso(delta: timedelta) -> str:
    return (MOMENT + delta).isoformat().replace("+00:00", "Z")


_DAYS = [0, 1, 2, 6, 7, 8, 27, 28, 29, 30, 31, 61, 365, 366, -1, -2, -7, -31]
_STEPS = [timedelta(days=days, microseconds=step) for days in (0, 1, 7, 28, 30, -1, -7) for step in (-1, 0, 1)]
# 1, 2 and 12 months before MOMENT end with these days.
_MONTH_EDGES = ["2026-10-22", "2026-09-22", "2025-11-22"]

DATES = [(MOMENT.date() - timedelta(days=days)).isoformat() for days in _DAYS] + _MONTH_EDGES
MOMENTS = [_iso(-step) for step in _STEPS] + [f"{day}T23:59:59.999999Z" for day in _MONTH_EDGES]
MOMENTS += [f"{date.fromisoformat(day) + timedelta(days=1)}T00:00:00Z" for day in _MONTH_EDGES]

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.STRING: st.sampled_from(["free", "premium", "family"]),
    Type.INT: st.sampled_from([-5, -1, 0, 1, 2, 12, 23, 2**40]),
    Type.DECIMAL: st.sampled_from(["-1.50", "0", "0.01", "9.99", "10.00", 12]),
    Type.BOOL: st.booleans(),
    Type.DATE: st.sampled_from(DATES),
    Type.TIMESTAMP: st.sampled_from(MOMENTS),
    Type.SET: st.lists(st.sampled_from(["pop", "kpop", "jazz", "å''\"\\"]), max_size=3),
    Type.VERSION: st.sampled_from(["8", "8.9", "8.9.12", "8.9.40", "8.10", "16383.0.0.1048575"]),
}
_MEMBERS = st.sampled_from(["pop", "kpop", "jazz", "å''\"\\"])

_ONE = {
    Type.STRING: ["eq", "ne", "prefix"],
    Type.INT: ["eq", "ne", "lt", "lte", "gt", "gte"],
    Type.DECIMAL: ["eq", "ne", "lt", "lte", "gt", "gte"],
    Type.BOOL: ["eq", "ne"],
    Type.DATE: ["eq", "ne", "lt", "gte"],
    Type.TIMESTAMP: ["eq", "ne", "lt", "gte"],
    Type.SET: ["contains", "ncontains"],
    Type.VERSION: ["eq", "ne", "lt", "gte"],
}
_LIST = {
    Type.STRING: ["in", "nin"],
    Type.INT: ["in", "nin"],
    Type.DECIMAL: ["in", "nin"],
    Type.SET: ["any_of", "all_of", "none_of"],
}
_RANGED = (Type.INT, Type.DECIMAL, Type.DATE, Type.TIMESTAMP, Type.VERSION)
_DAY_OPS = ["within_days", "before_days", "in_next_days"]
_MONTH_OPS = ["within_months", "before_months"]
_sizes = st.sampled_from([1, 2, 7, 28, 30, 31, 365])
_months = st.fixed_dictionaries({"op": st.sampled_from(_MONTH_OPS), "value": st.sampled_from([1, 2, 12])})
_presence = st.sampled_from(["present", "absent"]).map(lambda op: {"op": op})

# Every question about time whose answer changes within the values above.
TIME_LEAVES: list[Json] = [
    {"trait": trait, "op": op, "value": size}
    for trait in ("expiry", "last_seen")
    for ops, sizes in ((_DAY_OPS, (1, 7, 28, 30)), (_MONTH_OPS, (1, 2, 12)))
    for op in ops
    for size in sizes
]
TIME_LEAVES += [{"trait": "expiry", "op": op, "value": day} for op in ("lt", "gte", "eq", "ne") for day in DATES]
TIME_LEAVES += [{"trait": "last_seen", "op": op, "value": at} for op in ("lt", "gte", "eq", "ne") for at in MOMENTS]


def people_at_edges() -> list[dict[str, tuple[Any, int]]]:
    """One subject for every date and moment above, seen just now; and one who has neither."""
    expiry, last_seen = VOCABULARY.traits["expiry"], VOCABULARY.traits["last_seen"]
    people = [{"expiry": (encode_trait(expiry, day), NOW)} for day in DATES]
    return [*people, *({"last_seen": (encode_trait(last_seen, at), NOW)} for at in MOMENTS), {}]


def _questions(of: ValueType) -> st.SearchStrategy[Json]:
    """Any operator of the type with a fitting operand."""
    kind, member = of.type, _MEMBERS if of.type is Type.SET else VALUES[of.type]
    options: list[st.SearchStrategy[Json]] = [
        st.fixed_dictionaries({"op": st.sampled_from(_ONE[kind]), "value": member}),
        _presence,
    ]
    if kind in _LIST:
        lists = st.lists(member, min_size=1, max_size=3)
        options.append(st.fixed_dictionaries({"op": st.sampled_from(_LIST[kind]), "value": lists}))
    if kind in _RANGED:
        options.append(st.tuples(member, member).map(lambda pair: _between(of, *pair)))
    if kind in (Type.DATE, Type.TIMESTAMP):
        options.append(st.fixed_dictionaries({"op": st.sampled_from(_DAY_OPS), "value": _sizes}))
        options.append(_months)
    return st.one_of(options)


def _between(of: ValueType, one: Any, other: Any) -> Json:
    return {"op": "between", "value": sorted((one, other), key=lambda value: encode_trait(of, value))}


_numbers = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]), "value": st.integers(0, 4)}),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: {"op": "between", "value": sorted(pair)}),
)
_lasts = st.one_of(
    _presence, st.fixed_dictionaries({"op": st.sampled_from(_DAY_OPS[:2]), "value": st.sampled_from([1, 2, 7])})
)
_windows = st.sampled_from([7, 28])


_FEW = st.integers(0, 3).map(str)


def _merged(question: st.SearchStrategy[Json], **base: Any) -> st.SearchStrategy[Json]:
    """A leaf of fixed and drawn parts, with a drawn question."""
    parts = {key: part if isinstance(part, st.SearchStrategy) else st.just(part) for key, part in base.items()}
    return st.tuples(st.fixed_dictionaries(parts), question).map(lambda both: {**both[0], **both[1]})


_listen_where = st.sampled_from([{}, {"content": "podcast"}, {"content": "podcast", "minutes": 1}])
_gift_where = st.sampled_from([{}, {"gift": True}])
_happenings = st.sampled_from(["impression", "custom"])
_scopes = st.sampled_from([{"history": "all"}, {"history": "campaign", "key": "spring"}])
_elsewhere = st.sampled_from([{"history": "all"}, {"history": "plan_group", "key": "music"}])
_history_windows = st.one_of(
    st.sampled_from([1, 7, {"hours": 5}, {"months": 1}, {"months": 12}, "local_day", "lifetime"]),
    st.tuples(_elsewhere, st.sampled_from(["conversion", "impression"])).map(
        lambda both: {"since": {**both[0], "of": both[1]}}
    ),
)

LEAVES: dict[Kind, st.SearchStrategy[Json]] = {
    Kind.TRAIT: st.one_of([_merged(_questions(of), trait=name) for name, of in VOCABULARY.traits.items()]),
    Kind.CONTEXT: st.one_of([_merged(_questions(of), ctx=name) for name, of in VOCABULARY.contexts.items()]),
    Kind.EVENT: st.one_of(
        _merged(_numbers, event="listen", agg=st.sampled_from(["count", "days"]), window=_windows, where=_listen_where),
        _merged(_numbers, event="listen", agg="sum", field="minutes", window=_windows),
        _merged(
            st.fixed_dictionaries({"op": st.sampled_from(["lt", "gte", "eq", "ne"]), "value": _FEW}),
            event="purchase",
            agg="sum",
            field="amount",
            window=_windows,
            where=_gift_where,
        ),
        _merged(_lasts, event="purchase", agg="last", window=_windows, where=_gift_where),
    ),
    Kind.HISTORY: st.tuples(
        _scopes,
        st.one_of(
            _merged(_numbers, agg="count", of=_happenings, window=_history_windows),
            _merged(st.one_of(_lasts, _months), agg=st.sampled_from(["last", "first"]), of=_happenings),
        ),
    ).map(lambda both: {**both[0], **both[1]}),
    Kind.AUDIENCE: st.fixed_dictionaries(
        {"audience": st.sampled_from(sorted(VOCABULARY.audiences)), "op": st.sampled_from(["in", "nin"])}
    ),
    Kind.BUCKET: st.one_of(
        st.fixed_dictionaries({"bucket": st.just("it's"), "op": st.just("lt"), "value": st.integers(1, 10_000)}),
        st.just({"bucket": "split", "op": "between", "value": [2_500, 7_499]}),
    ),
}


def nodes(allow: frozenset[Kind] = EVERYWHERE, *, depth: int = 4) -> st.SearchStrategy[Json]:
    """Any node of kinds that are allowed, at most ``depth`` deep."""
    leaf = st.one_of([LEAVES[kind] for kind in sorted(allow)])
    if depth == 1:
        return leaf
    below = nodes(allow, depth=depth - 1)
    groups = st.tuples(st.sampled_from(["all", "any"]), st.lists(below, max_size=3)).map(
        lambda pair: {pair[0]: pair[1]}
    )
    return st.one_of(leaf, groups, st.fixed_dictionaries({"not": below}))


def documents(allow: frozenset[Kind] = EVERYWHERE) -> st.SearchStrategy[Json]:
    """Any rule document without a problem."""
    return nodes(allow).map(lambda node: {"v": 1, "rule": node})


# Exactly as old as tolerated is fresh; one microsecond more is stale.
_AGES = st.sampled_from([0, DAY, DAY + 1, 30 * DAY, 30 * DAY + 1, 90 * DAY, 90 * DAY + 1])


def _stored(of: ValueType) -> st.SearchStrategy[Any]:
    return VALUES[of.type].map(lambda value: encode_trait(of, value))


def trait_values() -> st.SearchStrategy[dict[str, tuple[Any, int]]]:
    """A subject's traits: each may be missing, fresh or stale."""
    optional = {
        name: st.tuples(_stored(of), _AGES.map(lambda age: NOW - age)) for name, of in VOCABULARY.traits.items()
    }
    return st.fixed_dictionaries({}, optional=optional)


def _cell(ages: list[int]) -> HistoryCell:
    instants = tuple(sorted(NOW - age for age in ages))
    return HistoryCell(len(instants) + 1, instants[0] - 400 * DAY, instants[-1], instants)


_back = [hours * DAY // 24 + step for hours in (1, 5, 12, 13, 24, 168, 24 * 31, 24 * 366) for step in (-1, 0, 1)]
_cells = st.lists(st.sampled_from(_back), min_size=1, max_size=5).map(_cell)


@st.composite
def envs(draw: st.DrawFn) -> Env:
    """A subject with a request, at NOW, in one of three zones."""
    context = {name: _stored(of) for name, of in VOCABULARY.contexts.items()}
    cells = [
        ("all", "", "impression"), ("campaign", "spring", "custom"), ("campaign", "spring", "impression"),
        ("all", "", "conversion"), ("plan_group", "music", "conversion"),
    ]  # fmt: skip
    env = env_at(
        NOW,
        key=draw(st.sampled_from(["acc_1", "acc_2", "acc_3", ""])),
        traits=draw(trait_values()),
        ctx=draw(st.fixed_dictionaries({}, optional=context)),
        history=draw(st.fixed_dictionaries({}, optional=dict.fromkeys(cells, _cells))),
        bits=draw(st.integers(0, 2**24 - 1)),
        utc_offset=draw(st.sampled_from([0, -8, 13])) * DAY // 24,
    )
    ahead = draw(st.sampled_from([None, 0, HOUR]))
    if ahead is None:
        return env
    # Clocks there were that much ahead until three weeks ago.
    starts = lambda day: env.day_start + (day - env.today) * DAY - (ahead if day < env.today - 21 else 0)  # noqa: E731
    return replace(env, starts=starts)
