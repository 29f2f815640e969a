"""Which exported files does no run need any more?"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from audiences.membership.lease import State
from audiences.membership.runs import computed, exports, folder
from audiences.models import AudienceRun, RunShard

KEPT_PUBLISHED = 2  # one to compare with, one to go back to
YOUNG = timedelta(hours=1)  # a worker may be about to name what it has just written


def sweep_exports(now: datetime) -> int:
    """Delete what neither an unfinished run nor the last published ones name; how many files and folders went."""
    needed = _needed()
    home = exports()
    gone = [path for path in home.glob("run-*") if path.name not in {folder(run.pk).name for run in needed}]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    for run in needed:
        if run.state == State.PUBLISHED:
            gone += _delete([path for path in folder(run.pk).glob("*") if path.name not in _recorded(run)])
    events = {name for run in needed for name in _event_files(run)}
    gone += _delete([path for path in (home / "events").glob("*.*") if path.name not in events and _old(path, now)])
    return len(gone)


def drop_profiles(run: AudienceRun) -> None:
    """Delete the exported traits of a run that is over: the only files that hold subjects' own ids."""
    _delete(list(folder(run.pk).glob("subjects-*")))


def remember_event_files(run: AudienceRun, names: list[str]) -> None:
    folder(run.pk).mkdir(parents=True, exist_ok=True)
    (folder(run.pk) / "events.txt").write_text("\n".join(names))


def _needed() -> list[AudienceRun]:
    unfinished = AudienceRun.objects.filter(state__in=[State.QUEUED, State.RUNNING, State.HELD])
    published = AudienceRun.objects.filter(state=State.PUBLISHED).order_by("-pk")[:KEPT_PUBLISHED]
    return [*unfinished, *(run for run in map(computed, published) if run is not None)]


def _recorded(run: AudienceRun) -> set[str]:
    shards = RunShard.objects.filter(run=run).values_list("counts__file", flat=True)
    return {"events.txt", *(name for name in shards if name)}


def _event_files(run: AudienceRun) -> list[str]:
    listed = folder(run.pk) / "events.txt"
    return listed.read_text().split("\n") if listed.is_file() else []


def _delete(paths: list[Path]) -> list[Path]:
    for path in paths:
        path.unlink(missing_ok=True)
    return paths


def _old(path: Path, now: datetime) -> bool:
    return path.is_file() and now.timestamp() - path.stat().st_mtime > YOUNG.total_seconds()
