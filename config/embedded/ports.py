"""Which TCP port is free on this machine?"""

import socket

LOOPBACK = "127.0.0.1"


def free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without this a port that was closed a minute ago counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose() -> int:
    """A port nobody listens on. Somebody may take it before we do, so a start is tried again with another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
