"""Do the pure modules run where there is no Django, no clock and no store?"""

import ast
import json
import subprocess
import sys

import pytest

from tests.architecture.sources import PROJECT, sources

# What promises to be pure, as packages or modules. What a pure module may use beside the standard library: the same.
PURE = (
    "audiences.tiers",
    "audiences.rules",
    "audiences.hashing",
    "audiences.traits",
    "experiments.allocation",
    "experiments.assignment",
    "experiments.stats",
    "experiments.lifecycle",
    "campaigns.formula",
    "campaigns.lifecycle",
    "campaigns.prices",
    "merch.engine",
)
STANDARD = set(sys.stdlib_module_names)
ALLOWED = {"msgspec", "numpy", "scipy"}
FORBIDDEN = {"django", "rest_framework", "celery", "redis", "psycopg", "ibis", "duckdb", "zoneinfo", "config"}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns", "perf_counter"}
IMPORTED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def modules() -> list[str]:
    """Every module that stands under a pure name, and is there."""
    found = []
    for source in sources():
        parts = source.path.relative_to(PROJECT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if any(name == pure or name.startswith(f"{pure}.") for pure in PURE):
            found.append(name)
    return found


@pytest.mark.parametrize("name", [name for name in modules() if name in PURE])
def test_a_pure_module_loads_nothing_that_reaches_outside(name: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", IMPORTED, name], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr

    # scipy and numpy open what they like for themselves; the rest must not appear at all.
    assert set(json.loads(told.stdout)) & (FORBIDDEN - {"zoneinfo"}) == set()


def test_a_pure_module_imports_only_what_it_may() -> None:
    packages = {"audiences", "experiments", "campaigns", "merch"}
    strangers = {
        name: outside
        for name in modules()
        if (outside := roots(tree_of(name)) & FORBIDDEN or roots(tree_of(name)) - STANDARD - ALLOWED - packages)
    }

    assert strangers == {}


def test_a_pure_module_reads_no_clock() -> None:
    read = [
        f"{name}: {ast.unparse(node)}"
        for name in modules()
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and ast.unparse(node.func.value).rpartition(".")[2] in ("datetime", "date", "time", "timezone")
    ]

    assert read == []


def tree_of(name: str) -> ast.Module:
    path = PROJECT / name.replace(".", "/")
    wanted = {path.with_suffix(".py"), path / "__init__.py"}
    return next(source.tree for source in sources() if source.path in wanted)


def roots(tree: ast.Module) -> set[str]:
    """The top-level packages that ``tree`` imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found
