"""What is said when an embedded server cannot run?"""

from pathlib import Path

TAIL_LINES = 15


class EmbeddedError(Exception):
    """A sentence for the person at the terminal: what failed, and the way out."""


def last_words(log: Path) -> str:
    """The end of a server's log, to show below an error."""
    if not log.exists():
        return f"(no log at {log})"
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])
