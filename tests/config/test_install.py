"""Is the environment made again exactly when what it should hold has changed?"""

import sys
from pathlib import Path

import pytest

from config import install


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment is this interpreter and holds what the base requirements ask for."""
    (tmp_path / "requirements.txt").write_text("a==1\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\nb==1\n")
    for name, value in {"PROJECT": tmp_path, "VENV": tmp_path / ".venv", "PYTHON": Path(sys.executable)}.items():
        monkeypatch.setattr(install, name, value)
    (tmp_path / ".venv").mkdir()
    install.stamp("base").write_text(install.digest("base"))
    return tmp_path


def test_nothing_is_installed_twice(project: Path) -> None:
    assert install.installed("base")
    assert not install.installed("dev")


def test_an_environment_for_tests_serves_the_demo_too(project: Path) -> None:
    install.stamp("base").unlink()
    install.stamp("dev").write_text(install.digest("dev"))

    assert install.installed("base")


def test_an_environment_for_measurements_serves_tests_and_the_demo_too(project: Path) -> None:
    (project / "requirements-bench.txt").write_text("-r requirements-dev.txt\nc==1\n")
    install.stamp("base").unlink()
    install.stamp("bench").write_text(install.digest("bench"))

    assert install.installed("base")
    assert install.installed("dev")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_an_edited_file_is_noticed(project: Path, name: str) -> None:
    install.stamp("dev").write_text(install.digest("dev"))
    (project / name).write_text("a==2\n")

    assert not install.installed("dev")


def test_a_broken_interpreter_is_noticed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "PYTHON", project / "gone")

    assert not install.installed("base")
