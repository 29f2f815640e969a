"""Do a million decisions come out the same in other processes, to the last byte?

Two processes with different hash seeds decide over random releases in which everything meets everything, and keep
packed inputs and answers in files; two fresh ones with other seeds make the others' decisions again and compare bytes.
"""

from __future__ import annotations

import argparse
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from msgspec.structs import replace

from config import env
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import BanditRows, canonical, parse_release
from merch.inputs import Entry, inputs_of, pack_decision, pack_inputs
from merch.remaking import remade
from tests.merch.engine.corpus import questions, release_document

MILLION = 1_000_000
PROCESSES = 2
PEOPLE = 2_000  # questions to each release
SIZES = struct.Struct("<QII")  # number of the pulse, bytes of inputs, bytes of the answer


def make(folder: Path, part: int, count: int) -> int:
    """Decide and keep: one file per release, the release beside it."""
    made, seed = 0, part
    while made < count:
        published = canonical(release_document(seed))
        release = compile_release(parse_release(published))  # as every process gets it
        (folder / f"{part}-{seed}.release").write_bytes(published)
        with (folder / f"{part}-{seed}.decisions").open("wb") as file:
            made += _decide(release, seed, min(PEOPLE, count - made), file)
        seed += PROCESSES
    return made


def _decide(release: Release, seed: int, count: int, file: BinaryIO) -> int:
    for number, asked in enumerate(questions(seed, count)):
        request = replace(asked.request, decision_id=f"{seed:08x}-0000-7000-8000-{number:012x}")
        decision = decide(release, asked.pulse, request, asked.subject, asked.now)
        inputs = pack_inputs(inputs_of(Entry(release, asked.pulse, request, asked.subject, decision)))
        result = pack_decision(decision)
        file.write(SIZES.pack(asked.pulse.number, len(inputs), len(result)) + inputs + result)
    return count


def check(folder: Path, part: int) -> tuple[int, int]:
    """How many of a part were made again, and how many came out otherwise."""
    checked = different = 0
    for path in sorted(folder.glob(f"{part}-*.decisions")):
        release = compile_release(parse_release(path.with_suffix(".release").read_bytes()))
        for number, inputs, result in _kept(path.read_bytes()):
            checked += 1
            different += remade(inputs, result, release, number, _no_bandits) is not None
    return checked, different


def _kept(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    at = 0
    while at < len(data):
        number, inputs, result = SIZES.unpack_from(data, at)
        begin = at + SIZES.size
        at = begin + inputs + result
        yield number, data[begin : begin + inputs], data[begin + inputs : at]


def _no_bandits(placement: str, digest: str) -> BanditRows:
    raise LookupError(f"no scores were drawn for {placement}")


def run(count: int) -> int:
    """Everything; prints what `make verify-million` prints."""
    folder = env.read().home / "million"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    share = -(-count // PROCESSES)
    began = perf_counter()
    made = _all("make", folder, lambda part: (str(part), str(min(share, count - part * share))))
    middle = perf_counter()
    size = sum(path.stat().st_size for path in folder.glob("*.decisions"))
    checked = _all("check", folder, lambda part: (str((part + 1) % PROCESSES),))
    ended = perf_counter()
    shutil.rmtree(folder)
    print(f"{made[0]} decisions made in {middle - began:.0f} s, {size / max(made[0], 1):.0f} bytes kept of each")
    print(f"{checked[0]} decisions made again, {checked[1]} differences")
    print(f"in {ended - middle:.0f} s, by {PROCESSES} fresh processes")
    return 0 if checked == (count, 0) else 1


def _all(what: str, folder: Path, words: Callable[[int], tuple[str, ...]]) -> tuple[int, int]:
    seeds = {"make": 1, "check": 1 + PROCESSES}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.million", what, str(folder), *words(part)],
            cwd=env.PROJECT, env=env.for_child(PYTHONHASHSEED=str(seeds[what] + part)), text=True,
            stdout=subprocess.PIPE,
        )
        for part in range(PROCESSES)
    ]  # fmt: skip
    first = second = 0
    for process in started:
        said, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"a process that should {what} decisions failed")
        one, other = said.split()
        first, second = first + int(one), second + int(other)
    return first, second


def main() -> None:
    words = argparse.ArgumentParser(description="Make decisions, and make them again elsewhere.")
    words.add_argument("what", nargs="?", choices=("run", "make", "check"), default="run")
    words.add_argument("rest", nargs="*")
    words.add_argument("--count", type=int, default=MILLION)
    given = words.parse_args()
    if given.what == "run":
        raise SystemExit(run(given.count))
    folder, part = Path(given.rest[0]), int(given.rest[1])
    if given.what == "make":
        print(make(folder, part, int(given.rest[2])), 0)
    else:
        print(*check(folder, part))


if __name__ == "__main__":
    main()
