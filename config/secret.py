"""Where does the server secret come from? (From MERCH_SECRET, else a file made once under the home.)"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

SECRET_BYTES = 32


def server_secret(given: str | None, home: Path) -> bytes:
    """The secret that signs tokens and derives key secrets. Never logged, never stored in the database."""
    return given.encode() if given else remembered(home / "secret")


def remembered(path: Path) -> bytes:
    """The secret in ``path`` (mode 0600), made on first use. Processes that race read the one that won."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(SECRET_BYTES).encode())
        # A link, unlike a rename, refuses to replace the secret that another process made first.
        with suppress(FileExistsError):
            os.link(mine, path)
        mine.unlink()
    return path.read_bytes()
