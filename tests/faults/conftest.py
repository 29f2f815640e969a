"""Which rig do the drills share? (Making one takes longer than most drills; each drill leaves it well.)"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Rig, rigged, until


@pytest.fixture(scope="module")
def rig_of_module() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="drill-") as root, rigged(Path(root)) as made:
        until(lambda: made.web.serves().get("source") == "live", 60)
        yield made


@pytest.fixture
def rig(rig_of_module: Rig) -> Iterator[Rig]:
    """Everything runs, and runs again afterwards."""
    yield rig_of_module
    rig_of_module.well()
