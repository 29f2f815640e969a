"""How does the whole platform run on one machine, in the foreground, for somebody who has just cloned it?"""

import argparse
import json
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

from config import env
from config.embedded import EmbeddedError, Home, Wanted, ports, serving
from config.embedded.locks import exclusively, taken
from config.supervision import POLL_SECONDS, Crew, Ended, Program, die_with_parent

READY_SECONDS = 90.0
REFUSED = "A demo already runs on {home}; stop it first, or choose another home: make demo MERCH_HOME=..."


class Asked(Exception):
    """Somebody asked us to end: Ctrl-C, a closed terminal, or a plain kill."""


def main(arguments: list[str]) -> int:
    described = argparse.ArgumentParser(prog="python -m config.demo", description=__doc__)
    described.add_argument("action", choices=["run", "reset"])
    described.add_argument("--empty", action="store_true", help="do not load the demo's data")
    described.add_argument("--end-with-parent", action="store_true", help="end when the process that started us does")
    options = described.parse_args(arguments)
    if options.end_with_parent:
        die_with_parent(signal.SIGTERM)
    environment = env.read()
    try:
        return reset(environment) if options.action == "reset" else run(environment, load=not options.empty)
    except (EmbeddedError, Ended) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def run(environment: env.Environment, *, load: bool) -> int:
    """Start everything, say how to reach it, stay until asked to end; then leave no process behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    home, crew, began = Home(environment.home), Crew(), time.monotonic()
    if not ports.free(environment.port):
        raise Ended(f"Port {environment.port} is taken. Choose another: make demo PORT={environment.port + 1}")
    home.prepare()
    with ExitStack() as stack:
        stack.enter_context(exclusively(home.root / "demo.lock", 0, REFUSED.format(home=home.root)))
        try:
            say("Starting PostgreSQL and Valkey")
            use = stack.enter_context(serving(home, Wanted.without(environment)))
            stack.callback(crew.stop)
            stack.callback(be_deaf)  # first of all: a Ctrl-C now must not interrupt the end
            env.set_here(**use.variables, MERCH_HOME=str(home.root))
            env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
            migrate(crew, home)
            filled = load and fill(crew)
            start(crew, home, environment)
            # Without data there is no release, and /readyz would rightly never be content.
            wait_until_ready(crew, environment.port, "readyz" if filled else "healthz")
            introduce(home, environment.port, time.monotonic() - began)
            while True:
                crew.check()
                time.sleep(POLL_SECONDS)
        except Asked:
            say("Stopping")
    say("Stopped; nothing is left running, the data stay. `make demo` continues, `make reset` empties.")
    return 0


def ask(number: int, frame: FrameType | None) -> None:
    be_deaf()  # a second Ctrl-C must not interrupt the end
    raise Asked


def be_deaf() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def migrate(crew: Crew, home: Home) -> None:
    """Bring the database to this version."""
    say("Preparing the database")
    crew.finish(Program("migrate", managed("migrate", "--no-input"), log(home, "migrate")))


def fill(crew: Crew) -> bool:
    """Load the demo into an empty database; whether there was anything to load."""
    if not any(env.PROJECT.glob("*/management/commands/load_demo.py")):
        say("There is no load_demo command, so nothing is loaded")
        return False
    say("Loading the demo (a filled database is left as it is)")
    crew.finish(Program("load_demo", managed("load_demo"), None))
    return True


def start(crew: Crew, home: Home, environment: env.Environment) -> None:
    say("Starting web, worker and scheduler")
    python, celery = sys.executable, (sys.executable, "-m", "celery", "-A", "config.celery")
    workers, port = str(environment.web_workers), str(environment.port)
    web: tuple[str, ...] = (python, "-m", "granian", "--interface", "wsgi", "--host", ports.LOOPBACK, "--port", port)
    web += ("--workers", workers, "--blocking-threads", "8", "--workers-kill-timeout", "5", "config.wsgi:application")
    crew.start(Program("web", web, log(home, "web")))
    worker = (*celery, "worker", "--loglevel", "INFO", "--concurrency", "2", "--without-gossip", "--without-mingle")
    # SIGQUIT ends work in hand; PostgreSQL remembers what is left to do.
    crew.start(Program("worker", worker, log(home, "worker"), hurried=signal.SIGQUIT, patience=5))
    beat = (*celery, "beat", "--loglevel", "INFO", "--pidfile", "")
    crew.start(Program("scheduler", beat, log(home, "scheduler"), patience=5))


def wait_until_ready(crew: Crew, port: int, address: str) -> None:
    """Return when ``address`` says 200; tell what it says instead, and go on, when it never does."""
    answer, until, told = "no answer", time.monotonic() + READY_SECONDS, time.monotonic() + 2
    while time.monotonic() < until:
        crew.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{address}", timeout=2):
                return
        except urllib.error.HTTPError as error:
            answer = f"{error.code} {error.read(200).decode(errors='replace').partition(chr(10))[0]}"
            if error.code == 404:
                answer = "there is no such address"
                break
        except OSError:
            answer = "nobody listens there yet"
        if time.monotonic() > told:
            say(f"Waiting for /{address}: {answer}")
            told += 10
        time.sleep(POLL_SECONDS)
    say(f"/{address} is not ready yet: {answer}")


def introduce(home: Home, port: int, seconds: float) -> None:
    """Print the addresses, the admin login, a key of each scope and one line to try."""
    base = f"http://localhost:{port}"
    lines = ["", f"Merch runs on {base} (ready in {seconds:.0f} s).", f"  Admin   {base}/admin/"]
    lines += [f"  API     {base}/v1/docs", f"  Logs    {home.root / 'logs'}"]
    with suppress(FileNotFoundError):
        told = json.loads((home.root / "demo.json").read_text())
        lines[2] += f"   user {told['admin']['username']}   password {told['admin']['password']}"
        people = told.get("people", {}).items()
        lines[3:3] = [
            f"{' ' * len(base)}                    user {name}   password {password}" for name, password in people
        ]
        lines += [f"  Key     {scope:<7} {key}" for scope, key in told.get("keys", {}).items()]
        # Written for whichever port the demo was first loaded on.
        lines += ["", "Try:", told["curl"].replace("{base}", base).replace("http://localhost:8000", base)]
    print("\n".join([*lines, "", "Ctrl-C stops everything."]), flush=True)


def reset(environment: env.Environment) -> int:
    """Empty the home; refuses while anything runs in it, and where it holds something that is not ours."""
    root = environment.home
    if environment.database_url is not None:
        raise Ended("DATABASE_URL names a PostgreSQL of your own; empty it yourself.")
    if not root.exists():
        say(f"{root} is empty")
        return 0
    if not Home(root).ours():
        raise Ended(f"{root} was there before Merch used it, so it stays as it is; delete what is yours to delete.")
    locks = [root / "demo.lock", *root.glob("embedded/use.lock"), *root.glob("*/embedded/use.lock")]
    if any(map(taken, locks)):
        raise Ended(f"Something still runs on {root}: stop `make demo` and `make test` first.")
    shutil.rmtree(root)
    say(f"{root} is empty")
    return 0


def managed(*words: str) -> tuple[str, ...]:
    return (sys.executable, str(env.PROJECT / "manage.py"), *words)


def log(home: Home, name: str) -> Path:
    directory = home.root / "logs"
    directory.mkdir(exist_ok=True)
    return directory / f"{name}.log"


def say(sentence: str) -> None:
    print(f"==> {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
