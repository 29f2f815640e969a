"""How does a read-out look at a terminal?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Json = Mapping[str, Any]

NOTHING = "–"


def report(result: Json) -> RenderableType:
    """Verdict first, then what it rests on."""
    return Group(*_parts(result))


def _parts(result: Json) -> Iterator[RenderableType]:
    yield Text(_heading(result), style="bold")
    for sentence in result["quality"]["problems"]:
        yield Text(f"Not readable: {sentence}", style="bold red")
    for sentence in result.get("deviations", ()):
        yield Text(f"Not as planned: {sentence}", style="yellow")
    yield from _verdicts(result.get("recommendation"))
    yield _arms(result)
    for metric in result["metrics"]:
        yield _metric(metric)


def _heading(result: Json) -> str:
    if "holdout" in result:
        return f"Holdout {result['holdout']}, draws {', '.join(map(str, result['draws']))}, as of {result['as_of']}"
    words = f"{result['experiment']}, version {result['version']}, {result['state']}, as of {result['as_of']}"
    if result["planned_subjects"]:
        words += f"; {result['information']:,} of {result['planned_subjects']:,} planned subjects"
    return words


def _verdicts(recommendation: Json | None) -> Iterator[Text]:
    if recommendation is None:
        return
    for arm in recommendation["arms"]:
        yield Text(f"{arm['arm']}: {arm['verdict']}. {' '.join(arm['because'])}")
    yield Text(
        f"Bounds: {recommendation['basis']}; judged by the look of {recommendation['decided_as_of']}.", style="dim"
    )


def _arms(result: Json) -> Table:
    check = result["quality"]["ratio_check"]
    title = "Arms" if check is None else f"Arms (ratio check p {_number(check['p'])})"
    table = _table(title, "arm", "subjects", "share", "promised", "showed nothing")
    for arm in result["arms"]:
        table.add_row(
            _named(arm),
            f"{arm['subjects']:,}",
            _percent(arm["share"]),
            _percent(arm["promised"]),
            _percent(arm["ghost_share"]),
        )
    return table


def _metric(metric: Json) -> Table:
    direction = "higher" if metric["higher_is_better"] else "lower"
    title = f"{metric['name']} ({metric['role']}, {metric['kind']}, {metric['window_hours']} h, {direction} is better)"
    table = _table(title, "arm", "subjects", "waiting", "value", "difference", "error", "95 % interval", "p", "lift")
    for arm in metric["arms"]:
        table.add_row(
            _named(arm),
            f"{arm['n']:,}",
            f"{arm['immature']:,}",
            _number(arm["value"]),
            _number(arm["difference"], signed=True),
            _number(arm["error"]),
            _interval(arm["interval"]),
            _number(arm["p"]),
            _percent(arm["lift"], signed=True),
        )
    if metric["unreadable"]:
        table.caption = f"{metric['unreadable']:,} events carry no readable {metric['field']} and add nothing."
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def _named(arm: Json) -> str:
    return f"{arm['arm']} (control)" if arm["control"] else str(arm["arm"])


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return NOTHING
    return f"{value:+,.6g}" if signed else f"{value:,.6g}"


def _percent(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return NOTHING
    return f"{value:+.2%}" if signed else f"{value:.2%}"


def _interval(pair: list[float] | None) -> str:
    return NOTHING if pair is None else f"{_number(pair[0], signed=True)} to {_number(pair[1], signed=True)}"
