"""How is a command run with embedded servers from the terminal? (exec, stop, status)"""

import argparse
import signal
import subprocess
import sys
from types import FrameType

from config import env
from config.embedded.home import Home
from config.embedded.keeper import keep
from config.embedded.locks import Lock, taken
from config.embedded.servers import ever, stop_all
from config.embedded.session import Use, Wanted, serving
from config.embedded.trouble import EmbeddedError

FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    home = Home(env.absolute(options.home) if options.home else env.read().home)
    try:
        match options.action:
            case "exec":
                return execute(home, options.command, options.test)
            case "stop":
                return stop(home, options.force)
            case "keep":
                keep(home, options.names, options.test)
                return 0
            case _:
                return status(home)
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    actions = described.add_subparsers(dest="action", required=True)

    def action(name: str, told: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=told)
        added.add_argument("--home", type=str, default="", help="the directory of the servers (else MERCH_HOME)")
        return added

    executed = action("exec", "run a command with DATABASE_URL, REDIS_URL and MERCH_HOME set for it")
    executed.add_argument("--test", action="store_true", help="do not wait for the disk")
    executed.add_argument("command", nargs="+", help="after --, the command and its arguments")
    stopped = action("stop", "stop servers that nobody uses")
    stopped.add_argument("--force", action="store_true", help="stop them even while they are used")
    action("status", "say what runs (exit code 3 when something does not)")
    kept = action("keep", "stay with servers until nobody uses them (started by the others)")
    kept.add_argument("--test", action="store_true")
    kept.add_argument("names", nargs="*")
    return described


def execute(home: Home, command: list[str], test: bool) -> int:
    """Run ``command`` to its end; the result is its exit code, 128 + n after signal n."""
    with serving(home, Wanted.without(env.read()), test=test) as use:
        early: list[int] = []
        children: list[subprocess.Popen[bytes]] = []

        def forward(number: int, frame: FrameType | None) -> None:
            for child in children:
                child.send_signal(number)
            if not children:
                early.append(number)

        for number in FORWARDED:
            signal.signal(number, forward)
        # A terminal sends Ctrl-C to the child as well; twice would end it too hard.
        signal.signal(signal.SIGINT, swallow if sys.stdin.isatty() else forward)
        children.append(spawn(home, command, use))
        for missed in early:
            forward(missed, None)
        code = children[0].wait()
    return 128 - code if code < 0 else code


def spawn(home: Home, command: list[str], use: Use) -> subprocess.Popen[bytes]:
    """Start ``command`` with the variables of ``use``, and its lock: if only we are killed, it keeps its servers."""
    held = () if use.lock_fd is None else (use.lock_fd,)
    variables = env.for_child(**use.variables, MERCH_HOME=str(home.root))
    try:
        return subprocess.Popen(command, env=variables, pass_fds=held)
    except OSError as error:
        raise EmbeddedError(f"{command[0]} cannot be run: {error.strerror}.") from error


def swallow(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing; unlike SIG_IGN it is not inherited by the command."""


def stop(home: Home, force: bool) -> int:
    if not home.servers.exists():
        return 0
    lock = Lock(home.use_lock)
    try:
        if not lock.try_exclusive() and not force:
            raise EmbeddedError(f"The servers of {home.root} are in use; --force stops them all the same.")
        stop_all(home)
    finally:
        lock.close()
    return 0


def status(home: Home) -> int:
    servers = ever(home)
    for name, server in servers.items():
        known = home.endpoint(name)
        print(f"{name}: {'ready' if server.ready() else 'not running'} (port {known.port}, log {server.log})")
    print(f"{home.root}: {'in use' if taken(home.use_lock) else 'not in use'}")
    return 0 if servers and all(server.ready() for server in servers.values()) else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
