"""Does one command start everything, say how to reach it, and leave nothing behind?"""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from config import demo, env
from config.embedded import ports
from config.supervision import Ended
from tests.config.conftest import House, until


def began(house: House, port: int) -> subprocess.Popen[str]:
    """The demo without its data, once it says that it runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "config.demo", "run", "--empty"],
        cwd=env.PROJECT,
        env=house.environment() | {"PORT": str(port), "DJANGO_SETTINGS_MODULE": "config.settings.local"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    house.running.append(process)
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith("Ctrl-C stops everything"):
            return process
    raise AssertionError(told)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_the_demo_answers_and_leaves_no_process(house: House, number: signal.Signals) -> None:
    port = ports.choose()
    process = began(house, port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=10) as page:
        assert b"Merch" in page.read()
    started = children(process.pid)
    assert len(started) >= 3

    os.kill(process.pid, number)
    process.communicate(timeout=60)

    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 30)
    until(lambda: house.processes() == [], 30)
    assert process.returncode == (0 if number == signal.SIGINT else -number)


def test_a_taken_port_is_named_before_anything_starts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "free", lambda port: False)

    with pytest.raises(Ended, match="make demo PORT=8001"):
        demo.run(read(house, monkeypatch), load=False)


def test_reset_empties_what_we_made_and_nothing_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.hold()
    with pytest.raises(Ended, match="still runs"):
        demo.reset(read(house, monkeypatch))

    house.empty()
    house.root.mkdir()
    (house.root / "novel.txt").write_text("mine")
    with pytest.raises(Ended, match="stays as it is"):
        demo.reset(read(house, monkeypatch))

    house.home.prepare()
    with pytest.raises(Ended, match="stays as it is"):
        demo.reset(read(house, monkeypatch))

    (house.root / "novel.txt").unlink()
    shutil.rmtree(house.home.servers)
    house.home.prepare()
    assert demo.reset(read(house, monkeypatch)) == 0
    assert not house.root.exists()
    house.root.mkdir()


def test_reset_leaves_a_database_of_your_own_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCH_HOME", str(house.root))
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@elsewhere/theirs")

    with pytest.raises(Ended, match="empty it yourself"):
        demo.reset(env.read())


def read(house: House, monkeypatch: pytest.MonkeyPatch) -> env.Environment:
    """The environment of somebody who has only this home."""
    for name in ("DATABASE_URL", "REDIS_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MERCH_HOME", str(house.root))
    return env.read()


def children(pid: int) -> list[int]:
    """Every process that descends from ``pid`` now."""
    below = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return below + [deeper for child in below for deeper in children(child)]
