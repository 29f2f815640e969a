"""Are the habits of the house kept where no linter looks?"""

import ast
import re

from tests.architecture.sources import PROJECT, Source, sources

NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "services", "constants", "base_utils"}
# Spelled apart, so that this file does not find itself.
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error", "x" + "fail")))


def test_a_file_is_named_after_what_it_holds() -> None:
    assert [str(s) for s in sources() if {s.path.stem, s.path.parent.name} & NAMELESS] == []


def test_a_module_opens_with_the_question_it_answers() -> None:
    silent = [str(source) for source in sources() if source.text.strip() and not question(source)]

    assert silent == []


def question(source: Source) -> bool:
    """Whether the first line of the docstring asks something; tests and packages may also just say what they are."""
    first = (ast.get_docstring(source.tree) or "").partition("\n")[0]
    return "?" in first or (bool(first) and (source.path.name == "__init__.py" or str(source).startswith("tests/")))


def test_nothing_is_imported_inside_a_function() -> None:
    inside = [
        f"{source}:{inner.lineno}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_nothing_is_left_unfinished() -> None:
    marks = [
        f"{source}:{number} {line.strip()}"
        for source in sources()
        for number, line in enumerate(source.text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]

    assert marks == []


def test_only_one_module_reads_the_environment() -> None:
    allowed = {"config/env.py", "config/install.py"}  # the second runs before anything is installed
    readers = {
        str(source)
        for source in sources()
        if not str(source).startswith("tests/") and re.search(r"\bos\.(environ|getenv)\b", source.text)
    }

    assert readers <= allowed


def test_no_signal_is_received() -> None:
    receivers = [
        str(source) for source in sources() if re.search(r"^from django\.dispatch|^@receiver", source.text, re.M)
    ]

    assert receivers == []


def test_every_app_migration_graph_has_one_end() -> None:
    for app in ("audiences", "experiments", "campaigns", "merch"):
        numbers = [path.name[:4] for path in (PROJECT / app / "migrations").glob("[0-9]*.py")]

        assert len(numbers) == len(set(numbers)), f"{app}: two migrations share a number"
