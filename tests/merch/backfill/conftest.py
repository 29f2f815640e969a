"""What the tests of backfills stand on: declared names, a serving store that knows everybody, files and commands."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from django.core.management import CommandError, call_command

from audiences.models import EventDefinition
from merch.subjects.store import store as serving_store
from tests.factories import EventDefinitionFactory, TraitDefinitionFactory


class Told(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    said: str


Bring = Callable[..., Told]


@pytest.fixture
def catalogue(db: None) -> None:
    """Two traits; an event that is remembered, one that is not, one that money hangs on."""
    TraitDefinitionFactory(name="age", type="int")
    TraitDefinitionFactory(name="tier", values=["free", "paid"])
    EventDefinition.objects.all().delete()
    EventDefinitionFactory(name="bought", in_history=True, fields={"amount": "decimal"})
    EventDefinitionFactory(name="looked", fields={"page": "string"})
    EventDefinitionFactory(name="paid", money=True, fields={"amount": "decimal"})


@pytest.fixture
def whole_store(valkey: redis.Redis) -> Iterator[None]:
    valkey.set("epoch", 0)
    assert serving_store.warm()
    yield
    serving_store.close()


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """``bring("traits", mapping, rows)``: write the rows to a file and run the command on it."""

    def run(verb: str, mapping: str, rows: list[dict[str, Any]] | str, **options: Any) -> Told:
        file, mapping_file = tmp_path / "rows.jsonl", tmp_path / "mapping.yaml"
        file.write_text(rows if isinstance(rows, str) else "\n".join(json.dumps(row) for row in rows))
        mapping_file.write_text(mapping)
        out = io.StringIO()
        options = {"apply": True} | options
        try:
            call_command(f"backfill_{verb}", str(file), mapping=mapping_file, stdout=out, stderr=out, **options)
        except CommandError as error:
            return Told(error.returncode, out.getvalue() + str(error))
        return Told(0, out.getvalue())

    return run


def rejects(folder: Path) -> list[tuple[int, str]]:
    """Row and code of what the reject file holds."""
    path = folder / "rows.jsonl.rejects.jsonl"
    if not path.exists():
        return []
    return [(each["row"], each["code"]) for each in map(json.loads, path.read_text().splitlines())]
