"""Do the compiled predicate, the plain evaluator and the algebra of rules agree on any rule and any subject?"""

from typing import cast

from hypothesis import given, settings

from audiences.rules import (
    EVERYWHERE,
    Env,
    HistoryCell,
    Rule,
    WhyFalse,
    canonical,
    compile_rule,
    digest,
    env_at,
    holds,
    inline,
    parse,
    reads,
    why_false,
)
from audiences.rules.nodes import Not
from tests.audiences.rules.strategies import (
    AUDIENCES,
    NOW,
    TIME_LEAVES,
    VOCABULARY,
    Json,
    documents,
    envs,
    people_at_edges,
    rule_of,
)


def inlined(document: Json) -> tuple[Rule, dict[str, int]]:
    rule = inline(rule_of(document), AUDIENCES)
    return rule, {key: position for position, key in enumerate(sorted(reads(rule).behaviours))}


def cells(env: Env) -> dict[tuple[str, str, str], HistoryCell]:
    """The history that the strategies made: a plain dict."""
    return cast(dict[tuple[str, str, str], HistoryCell], env.history)


@settings(max_examples=1_000)
@given(documents(), envs())
def test_the_compiled_predicate_answers_as_the_plain_evaluator(document: Json, env: Env) -> None:
    rule, positions = inlined(document)

    answer = compile_rule(rule, positions)(env)

    assert answer is holds(rule, env, positions)


@settings(max_examples=300)
@given(documents(), envs())
def test_a_rule_and_its_negation_part_everyone(document: Json, env: Env) -> None:
    rule, positions = inlined(document)

    other = compile_rule(Rule(Not(rule.node)), positions)(env)

    assert compile_rule(rule, positions)(env) is not other


@settings(max_examples=300)
@given(documents())
def test_the_canonical_document_is_the_same_rule(document: Json) -> None:
    rule = rule_of(document)

    again = parse(canonical(rule), VOCABULARY)

    assert again == rule
    assert isinstance(again, Rule)
    assert canonical(again) == canonical(rule)
    assert digest(again) == digest(rule)


@settings(max_examples=300)
@given(documents(), envs())
def test_a_rule_reads_nothing_but_what_it_declares(document: Json, env: Env) -> None:
    rule, positions = inlined(document)
    declared = reads(rule)

    spare = Env(
        {name: env.traits[name] for name in declared.traits & env.traits.keys()},
        {name: env.ctx[name] for name in declared.contexts & env.ctx.keys()},
        {cell: cells(env)[cell] for cell in declared.history.keys() & cells(env).keys()},
        env.bits & (1 << len(positions)) - 1,
        env.key if declared.salts else "someone else",
        env.now,
        env.today,
        env.day_start,
        env.starts,
    )

    assert holds(rule, spare, positions) is holds(rule, env, positions)


@settings(max_examples=300)
@given(documents(), envs())
def test_kept_instants_are_enough_to_answer(document: Json, env: Env) -> None:
    rule, positions = inlined(document)
    needs = reads(rule).history

    pruned = {}
    for cell, happened in cells(env).items():
        kept = happened.instants[-needs[cell].instants :] if cell in needs and needs[cell].instants else ()
        recent = tuple(instant for instant in kept if instant >= env.now - needs[cell].reach)
        pruned[cell] = type(happened)(happened.count, happened.first, happened.last, recent)
    thin = Env(env.traits, env.ctx, pruned, env.bits, env.key, env.now, env.today, env.day_start, env.starts)

    assert holds(rule, thin, positions) is holds(rule, env, positions)


@settings(max_examples=300)
@given(documents(EVERYWHERE), envs())
def test_a_rule_that_fails_names_one_reason(document: Json, env: Env) -> None:
    rule, positions = inlined(document)

    if not holds(rule, env, positions):
        why = why_false(rule, env, positions)
        fresh = Env(
            {name: (value, env.now) for name, (value, _) in env.traits.items()},
            env.ctx,
            env.history,
            env.bits,
            env.key,
            env.now,
            env.today,
            env.day_start,
            env.starts,
        )
        assert (why is WhyFalse.TRAIT_STALE) is holds(rule, fresh, positions)


def test_every_edge_of_time_falls_alike() -> None:
    for leaf in TIME_LEAVES:
        rule = rule_of({"v": 1, "rule": leaf})
        compiled = compile_rule(rule, {})
        for traits in people_at_edges():
            env = env_at(NOW, key="", traits=traits)
            assert compiled(env) is holds(rule, env, {}), (leaf, traits)
