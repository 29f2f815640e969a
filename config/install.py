"""How does a bare Python become the environment the project runs in? (Standard library only.)"""

import argparse
import fcntl
import hashlib
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = "uv==0.13.9"  # installs in parallel: seconds where pip takes a minute
OLDEST = (3, 11)
FILES = {
    "base": ("requirements.txt",),
    "dev": ("requirements-dev.txt", "requirements.txt"),
    "bench": ("requirements-bench.txt", "requirements-dev.txt", "requirements.txt"),
}  # each holds those before it
NO_VENV = (
    "Python at {python} cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv. "
    "Or name another Python 3.11+: make demo PYTHON=/path/to/python3"
)

# uv does not read pip's settings, so a mirror that is set for pip is handed on.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def main() -> None:
    chosen = argparse.ArgumentParser(description=__doc__)
    chosen.add_argument("--dev", action="store_true", help="what tests and checks need, too")
    chosen.add_argument("--bench", action="store_true", help="and whom we are measured beside")
    asked = chosen.parse_args()
    kind = "bench" if asked.bench else "dev" if asked.dev else "base"
    if sys.version_info < OLDEST:
        sys.exit(f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. Use make PYTHON=...")
    with (PROJECT / ".venv.lock").open("w") as lock:
        # `make demo` and `make test` may both begin on a fresh clone.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed(kind):
            install(kind)


def installed(kind: str) -> bool:
    """Whether the environment holds exactly what ``kind`` asks for, or a kind that holds it."""
    kinds = list(FILES)[list(FILES).index(kind) :]
    return runs(PYTHON) and any(stamp(k).exists() and stamp(k).read_text() == digest(k) for k in kinds)


def install(kind: str) -> None:
    if not runs(PYTHON):
        say("Making a virtual environment in .venv")
        if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False).returncode:
            sys.exit(NO_VENV.format(python=sys.executable))
    if not (VENV / "bin" / "uv").exists():
        say("Fetching the installer")
        pip("install", "--quiet", "--disable-pip-version-check", UV)
    requirements = FILES[kind][0]
    say(f"Installing {requirements} (about half a minute the first time)")
    words = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "-r", requirements]
    quiet = [] if sys.stdout.isatty() else ["--quiet"]  # progress is for eyes
    if subprocess.run([*words, *quiet], cwd=PROJECT, env=uv_environment(), check=False).returncode:
        say("That did not work; trying again with pip, which is slower")
        pip("install", *quiet, "-r", requirements)
    stamp(kind).write_text(digest(kind))


def uv_environment() -> dict[str, str]:
    """Our environment, with pip's settings in uv's words unless uv has its own."""
    environment = dict(os.environ)
    shown = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "--quiet", "list"], capture_output=True, text=True, check=False
    )
    for line in shown.stdout.splitlines():
        key, _, value = line.partition("=")
        variable = PIP_TO_UV.get(key.rpartition(".")[2])
        if variable:
            environment.setdefault(variable, value.strip("'\""))
    # pip takes the best version of all its indexes, and the list of versions is pinned anyway.
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    environment.setdefault("UV_LINK_MODE", "copy")
    # Like pip, trust what the system trusts (a company's proxy); a bare container has no such bundle.
    trusted = ssl.get_default_verify_paths()
    if trusted.cafile or (trusted.capath and any(Path(trusted.capath).iterdir())):
        environment.setdefault("UV_SYSTEM_CERTS", "1")
    return environment


def pip(*words: str) -> None:
    code = subprocess.run([str(PYTHON), "-m", "pip", *words], cwd=PROJECT, check=False).returncode
    if code:
        sys.exit(f"pip could not install ({code}); the lines above say why.")


def runs(python: Path) -> bool:
    """Whether ``python`` exists and starts; a moved or half-made environment does not."""
    if not python.exists():
        return False
    asked = subprocess.run([str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False)
    return asked.returncode == 0


def stamp(kind: str) -> Path:
    return VENV / f".installed-{kind}"


def digest(kind: str) -> str:
    """Names the content of the requirement files, so that an edit of either installs again."""
    contents = [(PROJECT / name).read_text() for name in FILES[kind]]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def say(sentence: str) -> None:
    print(f"==> {sentence}", flush=True)


if __name__ == "__main__":
    main()
