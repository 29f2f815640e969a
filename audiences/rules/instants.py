"""How many of the newest instants decide a condition on a windowed count?"""

from audiences.rules.nodes import HistoryLeaf

# The subject record keeps no more of them (spec: the history bound).
MOST_INSTANTS = 20


def instants_needed(leaf: HistoryLeaf) -> int:
    """0 where counters alone decide. Table in docs/algorithms/rules.md."""
    if leaf.agg != "count" or leaf.window is None or leaf.window.unit == "lifetime":
        return 0
    if leaf.op == "between":
        return int(leaf.value[1]) + 1
    return int(leaf.value) + (leaf.op in ("gt", "lte", "eq", "ne"))
