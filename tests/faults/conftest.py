"""Which rig do the drills share? (Making one takes longer than most drills; each drill leaves it well.)"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Rig, rigged, until


@pytest.fixture(scope="session")
def rig_of_all() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="drill-") as root, rigged(Path(root)) as made:
        yield made


@pytest.fixture
def rig(rig_of_all: Rig) -> Iterator[Rig]:
    """Everything runs; afterwards the stores run again."""
    rig_of_all.web.ensure()
    until(lambda: rig_of_all.web.serves().get("source") == "live", 60)
    yield rig_of_all
    rig_of_all.well()
