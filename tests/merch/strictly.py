"""What do many who ask for one subject at once get? One process of them.

``python -m tests.merch.strictly THREADS ROUNDS own|none`` says "ready", waits for a line, and then prints the token of
every answer that showed the campaign, a line each as it comes, and at last how many were asked. Every caller has a
session of its own, or none has any.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import django
from msgspec.structs import replace

django.setup()

from django.utils import timezone  # noqa: E402

from audiences.moments import micros  # noqa: E402
from merch import answering  # noqa: E402
from merch.deciding import settle  # noqa: E402
from merch.engine.compiled import Release  # noqa: E402
from merch.engine.document import CapDoc, Pulse  # noqa: E402
from merch.naming import new_decision_id  # noqa: E402
from merch.subjects.store import store  # noqa: E402
from tests.merch.engine.documents import CONTEXTS, campaign, ready, request  # noqa: E402

DAY = 86_400_000_000
THREE_A_DAY = CapDoc(scope="CAMPAIGN", event="impression", limit=3, window=DAY, strict=True)


def release() -> Release:
    return ready(campaign(caps=(THREE_A_DAY,)), contexts=CONTEXTS | {"session_id": "string"})


def ask(ready_release: Release, session: str) -> str | None:
    """The token of what was shown, or None."""
    now = micros(timezone.now())
    plain = request(decision_id=str(new_decision_id(now)))
    asked = replace(plain, context=plain.context | ({"session_id": session} if session else {}))
    settled = settle(ready_release, Pulse(), asked, now, store=store)
    slots = answering.body_of(settled.decision, settled.request)["placements"]["home"]["slots"]
    return str(slots[0]["token"]) if slots else None


def main(threads: int, rounds: int, sessions: str) -> None:
    assert store.warm()
    ready_release = release()

    def caller(number: int) -> int:
        session = f"{os.getpid()}-{number}" if sessions == "own" else ""
        token = ask(ready_release, session)
        if token:
            print(token, flush=True)
        return 1

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        asked = sum(pool.map(caller, range(threads * rounds)))
    print("asked", asked, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
