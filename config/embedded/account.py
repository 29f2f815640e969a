"""Under which account does PostgreSQL run? (It refuses root, and nobody should have to make an account for it.)"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.trouble import EmbeddedError

UNSHARE = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
ACCOUNTS = ("postgres", "nobody")
NO_WAY = (
    "PostgreSQL does not run as root, and here it could neither be given a user namespace (unshare) nor run as {tried} "
    "with its data in {directory}. Run this as another user, or set DATABASE_URL to a PostgreSQL of your own "
    "(for example DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/NAME)."
)


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a command: ``prefix`` stands before it; ``user`` is the account it is handed to, None for ours."""

    prefix: tuple[str, ...] = ()
    user: str | None = None

    def command(self, words: Sequence[str | Path]) -> list[str]:
        return [*self.prefix, *map(str, words)]

    def run(self, words: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
        """Run to the end and return output as text; the caller looks at the return code."""
        return subprocess.run(  # type: ignore[call-overload, no-any-return]  # options go through untouched
            self.command(words), capture_output=True, text=True, check=False, **self.identity(), **options
        )

    def start(self, words: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
        """Start in a session of its own, so that Ctrl-C in the terminal does not reach a server."""
        with log.open("ab") as out:
            return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
                self.command(words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd="/",
                **self.identity(),
            )

    def identity(self) -> dict[str, object]:
        if self.user is None:
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}

    def own(self, directory: Path, below: Path) -> None:
        """Make ``directory`` (0700) and give it to this account, with the way to it from ``below`` (a home)."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is None:
            return
        entry = pwd.getpwnam(self.user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)
        for step in (parent for parent in directory.parents if parent.is_relative_to(below)):
            step.chmod(0o711)  # the home is ours, nothing above it is


def for_directory(directory: Path, binary: Path, home: Path) -> Account:
    """The account that may run ``binary`` on data in ``directory``: the owner of data that is there already.

    ``home`` is the directory above which no permission is ours to change. Raises EmbeddedError naming
    DATABASE_URL when root finds no way.
    """
    if os.geteuid() != 0:
        return Account()
    owner = directory.stat().st_uid if directory.exists() else 0
    if owner != 0:
        return Account(user=pwd.getpwuid(owner).pw_name)
    if works(Account(prefix=UNSHARE), binary):
        return Account(prefix=UNSHARE)
    for account in map(existing, ACCOUNTS):
        if account and reaches(account, home.parent) and works(account, binary):
            return account
    raise EmbeddedError(NO_WAY.format(tried=" or ".join(ACCOUNTS), directory=directory))


def existing(name: str) -> Account | None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(user=name)


def works(account: Account, binary: Path) -> bool:
    """Whether ``account`` can be used here and can execute ``binary``."""
    try:
        return account.run([binary, "--version"], cwd="/").returncode == 0
    except OSError:  # no such command, or not allowed
        return False


def reaches(account: Account, directory: Path) -> bool:
    """Whether ``account`` may pass through ``directory``; permissions are never widened to make it so."""
    return account.run(["test", "-x", directory], cwd="/").returncode == 0
