"""Does everything between a brief and a read-out work on real input? (python -m examples.starbucks.walk DATA)

DATA is a folder with portfolio.json, profile.parquet and transcript.parquet. It wants an empty database that has been
migrated; every figure is printed with its time, and one that differs from what pandas counts ends the walk.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import django
from django.apps import apps
from django.core.management import call_command

from config import env

env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
if not apps.ready:
    django.setup()

from django.utils import timezone  # noqa: E402

from campaigns.importing.documents import document_of  # noqa: E402
from examples.starbucks import asking  # noqa: E402
from examples.starbucks.authoring import define_experiment, write_campaigns  # noqa: E402
from examples.starbucks.expected import BASE, Files  # noqa: E402

HERE = Path(__file__).parent
LAST_DAY = BASE + timedelta(days=30)
EFFECT_TOLERANCE, ERROR_TOLERANCE = 0.001, 1e-6


class Differs(SystemExit):
    """A figure is not what pandas counts."""


class Walk:
    """One walk; ``environment`` is that of the processes it starts, on the same database and store."""

    def __init__(
        self,
        data: Path,
        *,
        environment: Mapping[str, str],
        as_of: date = LAST_DAY,
        most: int | None = None,
        say: Callable[[str], object] = print,
    ) -> None:
        self._data = data
        self._files = Files(data)
        self._environment = environment
        self._as_of = as_of
        self._most = most
        self._say = say
        self._began = monotonic()
        self._made = 0

    def all(self) -> None:
        """Every step, in order."""
        for step in (self.catalogue, self.people, self.events, self.exposures, self.audiences, self.read_out):
            self._timed(step)
        for step in (self.campaigns, self.decisions, self.verification):
            self._timed(step)

    def catalogue(self) -> str:
        """Declarations, then the offers."""
        self._run("import_catalogue", HERE / "catalogue.yaml", apply=True)
        told = self._run("import_catalogue", self._data / "portfolio.json", mapping=HERE / "offers.yaml", apply=True)
        self._run("rebuild_subjects")
        return f"offers: {_last(told)}"

    def people(self) -> str:
        return self._backfill("backfill_traits", "profile.parquet", "people.yaml")

    def events(self) -> str:
        return self._backfill("backfill_events", "transcript.parquet", "events.yaml")

    def exposures(self) -> str:
        define_experiment(timezone.now())
        everybody = self._data / "profile.parquet"
        return self._backfill("backfill_exposures", "transcript.parquet", "first-wave.yaml", subjects=everybody)

    def audiences(self) -> str:
        self._run("recompute_audiences", as_of=self._moment().isoformat())
        self._run("rebuild_subjects")  # where a scheduler runs, it brings the new bits within seconds by itself
        counted = _counts()
        for slug, size in self._files.audiences(self._as_of).items():
            self._same(f"audience {slug}", counted[slug], size)
        return f"{len(counted)} audiences equal pandas: {counted}"

    def read_out(self) -> str:
        told = self._run("analyze_experiment", "first-wave", "--json", "--as-of", self._moment().isoformat())
        found = _effects(json.loads(told))
        for arm, (effect, error) in self._files.effects().items():
            if abs(found[arm][0] - effect) > EFFECT_TOLERANCE or abs(found[arm][1] - error) > ERROR_TOLERANCE:
                raise Differs(f"effect of {arm}: {found[arm]}, and pandas says {(effect, error)}")
            self._say(f"    {arm}: {found[arm][0]:+.6f} dollars, standard error {found[arm][1]:.9f}")
        return f"effects of {len(found)} arms equal pandas"

    def campaigns(self) -> str:
        write_campaigns(document_of(HERE / "campaigns.yaml"), timezone.now())
        return f"released: {self._run('publish_release').splitlines()[0]}"

    def decisions(self) -> str:
        key = _last(self._run("create_api_key", "rewards-app", scope="client"))
        people: Sequence[str] = sorted(self._files.people["person"])[: self._most]
        with asking.web(self._environment) as port:
            began = monotonic()
            asked = asking.ask_all(port, key, people)
            seconds = monotonic() - began
        self._made = asked.calls
        for placement, winners in asked.seen.items():
            self._say(f"    {placement}: {dict(winners.most_common())}")
        for campaign, number in self._files.heroes(self._as_of, people).items():
            self._same(f"{campaign} in home-hero", asked.seen["home-hero"][campaign], number)
        if asked.degraded:
            self._say(f"    {asked.degraded} were answered without their record, and asked again")
        rate = asked.calls / seconds
        return (
            f"{asked.calls:,} decisions on {len(asked.seen)} placements each in {seconds:.1f} s, {rate:,.0f} a second"
        )

    def verification(self) -> str:
        """In a process of its own, that has seen nothing of all this."""
        command = [sys.executable, "manage.py", "verify_decisions"]
        told = subprocess.run(command, env=dict(self._environment), capture_output=True, text=True, check=False)
        if told.returncode or told.stdout.strip() != f"{self._made} decisions made again, 0 differences":
            raise Differs(f"{told.stdout}{told.stderr}")
        return told.stdout.strip()

    def _timed(self, step: Callable[[], str]) -> None:
        began = monotonic()
        told = step()
        self._say(f"[{monotonic() - self._began:6.1f} s] {step.__name__} ({monotonic() - began:.1f} s): {told}")

    def _backfill(self, command: str, file: str, mapping: str, **more: Any) -> str:
        told = self._run(command, self._data / file, mapping=HERE / mapping, apply=True, **more)
        return " ".join(line for line in told.splitlines() if line.startswith(("Written", "Published")))

    def _run(self, command: str, *words: Any, **options: Any) -> str:
        out = io.StringIO()
        call_command(command, *map(str, words), stdout=out, **options)
        return out.getvalue()

    def _same(self, what: str, found: int, expected: int) -> None:
        if found != expected:
            raise Differs(f"{what}: {found}, and pandas says {expected}")

    def _moment(self) -> datetime:
        return datetime.combine(self._as_of, time.min, UTC)


def _counts() -> dict[str, int]:
    counts = apps.get_model("audiences", "AudienceCount").objects.order_by("-run_id")
    newest: dict[str, int] = {}
    for slug, size in counts.values_list("audience__slug", "size"):
        newest.setdefault(slug, size)
    return newest


def _effects(readout: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    (spend,) = readout["metrics"]
    return {each["arm"]: (each["difference"], each["error"]) for each in spend["arms"] if not each["control"]}


def _last(told: str) -> str:
    return told.strip().splitlines()[-1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Name the data folder: python -m examples.starbucks.walk DATA")
    Walk(Path(sys.argv[1]), environment=env.for_child()).all()
