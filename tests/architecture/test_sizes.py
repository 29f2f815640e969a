"""Is every file and every function short enough to be read at once?"""

import ast
from collections.abc import Iterator

from tests.architecture.sources import MIGRATIONS, PROJECT, sources

FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES = 400, 500, 50


def test_no_file_is_too_long() -> None:
    lengths = {source: len(source.text.splitlines()) for source in sources()}
    long = {
        str(source): lines
        for source, lines in lengths.items()
        if lines > (TEST_FILE_LINES if str(source).startswith("tests/") else FILE_LINES)
    }

    assert long == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{source}:{name}": lines
        for source in sources()
        for name, lines in functions(source.tree)
        if lines > FUNCTION_LINES
    }

    assert long == {}


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each function with its number of lines; decorators, which hold the tables of tests, are not counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_count_goes_from_def_to_the_last_line() -> None:
    tree = ast.parse("@one\n@two\ndef three():\n    return 4\n")

    assert list(functions(tree)) == [("three", 2)]


def test_migrations_are_the_only_python_left_out() -> None:
    ours = [path for path in PROJECT.rglob("*.py") if not {".venv", ".local"} & set(path.relative_to(PROJECT).parts)]
    seen = {source.path for source in sources()}

    assert [path for path in ours if path not in seen and path.parent.name != MIGRATIONS] == []
