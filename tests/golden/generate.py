"""Which files are the corpus?

    python -m tests.golden.generate          decide every case on file again, inputs untouched
    python -m tests.golden.generate --draw   make the inputs anew as well, from situations and from drawn releases

Run it through ``make golden``; look at the diff before it is committed: every line of it is a decision that changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import django

from audiences.hashing import bucket, unit
from tests.golden.form import CASES, again, codes_of, text, written_inputs, written_release
from tests.golden.sealing import vectors
from tests.golden.situations import ALL, Ask
from tests.merch.engine.corpus import questions, release_document

RELEASES, CAMPAIGNS, PEOPLE = 14, 14, 12
HASHED = (("", ""), ("salt", "acc_1"), ("exp:hero-copy:1", "acc_1"), ("global:2026q4", "é"), ("s", "a" * 200))


def by_hand() -> Iterator[tuple[str, dict[str, Any]]]:
    for situation in ALL:
        yield (
            situation.name,
            {
                **written_release(situation.release),
                "cases": [_asked(number, ask) for number, ask in enumerate(situation.asks, 1)],
            },
        )


def _asked(number: int, ask: Ask) -> dict[str, Any]:
    name = f"{number} {ask.code}".strip()
    expects = {"campaign": ask.key, "code": ask.code} if ask.code else None
    return {"name": name, "expects": expects, **written_inputs(ask.pulse, ask.request, ask.subject, ask.now)}


def drawn() -> Iterator[tuple[str, dict[str, Any]]]:
    for seed in range(1, RELEASES + 1):
        cases = [
            {"name": str(number), "expects": None, **written_inputs(each.pulse, each.request, each.subject, each.now)}
            for number, each in enumerate(questions(seed, PEOPLE), 1)
        ]
        yield f"drawn-{seed:02}", {**written_release(release_document(seed, CAMPAIGNS)), "cases": cases}


def hashes() -> list[dict[str, Any]]:
    return [{"salt": s, "key": k, "bucket": bucket(s, k), "unit": unit(s, k)} for s, k in HASHED]


def on_file() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(CASES.glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))


def main(*, draw: bool) -> None:
    found = dict((*by_hand(), *drawn()) if draw else on_file())
    if draw:
        for path in CASES.glob("*.json"):
            path.unlink()
    number, codes = 0, set()
    for name, file in found.items():
        decided = again(file)
        number += len(decided["cases"])
        codes |= {code for case in decided["cases"] for code in codes_of(case)}
        (CASES / f"{name}.json").write_text(text(decided), "utf-8")
    for name, made in (("tokens", vectors()), ("hashes", hashes())):
        (CASES.parent / f"{name}.json").write_text(text(made), "utf-8")
    print(f"{number} cases in {len(found)} files; {len(codes)} reason codes")


if __name__ == "__main__":
    django.setup()
    main(draw="--draw" in sys.argv[1:])
