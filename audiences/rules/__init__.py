"""Who is meant? The one rule language: parse with types, say as a sentence, compile to a predicate.

Pure. The language itself is specified in docs/algorithms/rules.md.
"""

from audiences.rules.canonical import canonical, digest, node_digest, node_document
from audiences.rules.compile import Predicate, compile_rule
from audiences.rules.describe import Labels, describe
from audiences.rules.environment import Env, HistoryCell, env_at
from audiences.rules.evaluate import BitPositions, WhyFalse, first_false, holds, why_false
from audiences.rules.inline import inline, resolve
from audiences.rules.nodes import EVERYONE, Rule
from audiences.rules.parse import KnownLeaves, parse
from audiences.rules.problems import Problem
from audiences.rules.reads import HistoryNeed, Reads, reads
from audiences.rules.values import BadValue, Type, ValueType, decode_trait, encode_trait
from audiences.rules.vocabulary import EVERYWHERE, IN_AUDIENCES, EventType, Kind, TraitType, Vocabulary

__all__ = [
    "EVERYONE",
    "EVERYWHERE",
    "IN_AUDIENCES",
    "BadValue",
    "BitPositions",
    "Env",
    "EventType",
    "HistoryCell",
    "HistoryNeed",
    "Kind",
    "KnownLeaves",
    "Labels",
    "Predicate",
    "Problem",
    "Reads",
    "Rule",
    "TraitType",
    "Type",
    "ValueType",
    "Vocabulary",
    "WhyFalse",
    "canonical",
    "compile_rule",
    "decode_trait",
    "describe",
    "digest",
    "encode_trait",
    "env_at",
    "first_false",
    "holds",
    "inline",
    "node_digest",
    "node_document",
    "parse",
    "reads",
    "resolve",
    "why_false",
]
