"""Serving stores that a test may kill, freeze, restart or let drip."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import redis

from config.embedded import ports, valkey


def wait_for(happened: Callable[[], object], seconds: float = 5.0) -> float:
    """Seconds until ``happened``; fails the test when it does not."""
    began = monotonic()
    while not happened():
        assert monotonic() - began < seconds, "it did not happen"
        sleep(0.005)
    return monotonic() - began


class OwnValkey:
    """A Valkey of this test alone, on its own port, without persistence."""

    def __init__(self, directory: Path) -> None:
        self.port = ports.choose()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def start(self) -> None:
        command = [
            str(valkey.binary()),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._directory),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.ConnectionError:
            return False


class Dripping:
    """In front of a server: passes questions on, and lets answers through one byte at a time while ``slow``."""

    def __init__(self, upstream: int, pause: float) -> None:
        self.slow = Event()
        self._upstream, self._pause = upstream, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(4096):
                if not (answers and self.slow.is_set()):
                    target.sendall(data)
                    continue
                for byte in data:
                    target.sendall(bytes([byte]))
                    sleep(self._pause)
        except OSError:
            pass
        target.close()
