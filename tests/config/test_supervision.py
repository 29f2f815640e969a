"""Do several programs end as one, whoever dies first?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import env
from config.embedded import processes
from config.supervision import Crew, Ended, Program
from tests.config.conftest import until

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
)
LEAVES_A_CHILD = (
    "import subprocess; print(subprocess.Popen(['sleep', '300']).pid, flush=True)\nimport time; time.sleep(300)"
)
SUPERVISOR = """
import sys, time
from pathlib import Path
from config.supervision import Crew, Program
process = Crew().start(Program("sleeper", ("sleep", "300"), Path(sys.argv[1])))
print(process.pid, flush=True)
time.sleep(300)
"""


def program(log: Path, code: str, patience: float = 10.0) -> Program:
    return Program("trial", (sys.executable, "-c", code), log, patience=patience)


def test_a_program_that_ignores_us_is_killed(tmp_path: Path) -> None:
    crew, log = Crew(), tmp_path / "log"
    process = crew.start(program(log, STUBBORN, patience=0.3))
    until(lambda: log.read_text() == "up\n")

    began = time.monotonic()
    crew.stop()

    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 5


def test_what_a_program_leaves_behind_goes_too(tmp_path: Path) -> None:
    crew, log = Crew(), tmp_path / "log"
    crew.start(program(log, LEAVES_A_CHILD))
    until(log.read_text)
    left = int(log.read_text())

    crew.stop()

    until(lambda: not processes.alive(left))


def test_a_program_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    crew = Crew()
    process = crew.start(program(tmp_path / "log", "print('out of coffee'); raise SystemExit(3)"))
    process.wait()

    with pytest.raises(Ended, match=r"(?s)trial ended by itself \(exit code 3\).*out of coffee"):
        crew.check()
    crew.stop()


def test_a_failed_step_says_why(tmp_path: Path) -> None:
    with pytest.raises(Ended, match=r"(?s)trial failed \(exit code 1\).*ZeroDivisionError"):
        Crew().finish(program(tmp_path / "log", "1 / 0"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_programs_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", SUPERVISOR, str(tmp_path / "log")]
    supervisor = subprocess.Popen(words, cwd=env.PROJECT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    sleeper = int(supervisor.stdout.readline())
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.communicate()

    until(lambda: not processes.alive(sleeper))
