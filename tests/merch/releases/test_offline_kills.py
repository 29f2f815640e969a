"""Is a campaign stopped while PostgreSQL is away, and on record once it is back?"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.utils import timezone

from audiences.models import Revision
from audiences.moments import micros
from campaigns.models import Campaign
from config import env
from config.embedded import ports
from merch.issuing import issue
from merch.keys import Scope
from merch.models import Kill
from merch.releases import offline, pulse, store
from merch.releases.offline import OfflineKill, OfflineKills, Tampered
from merch.releases.serving import Serving
from tests.api.test_server import parsed
from tests.merch.releases.conftest import NOW, live

pytestmark = pytest.mark.usefixtures("valkey")

DEAD = "postgres://merch@127.0.0.1:1/merch"
WITHIN = 1.0  # seconds


@pytest.fixture
def published(campaign: Campaign, editor: User) -> Campaign:
    store.publish(by=editor, now=NOW)
    return campaign


@pytest.fixture
def frozen() -> Iterator[str]:
    """A PostgreSQL that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        yield f"postgres://merch@127.0.0.1:{silent.getsockname()[1]}/merch"


def test_what_is_stopped_offline_is_stopped_beside_the_pulse(published: Campaign, process: Serving) -> None:
    assert process.refresh().pulse.kills == frozenset()

    offline.here().add([OfflineKill(published.key, 1)])
    process.look_offline()

    assert process.current().pulse.kills == {published.key}
    assert Serving(follow=False).current().pulse.kills == {published.key}


def test_a_row_takes_the_place_of_the_file_without_a_gap(published: Campaign, process: Serving, editor: User) -> None:
    process.refresh()
    at = timezone.now()
    offline.here().add([OfflineKill(published.key, micros(at), editor.username, "wrong price")])
    process.look_offline()

    assert pulse.absorb(at) == [published.key]
    assert pulse.absorb(at) == []
    assert process.current().pulse.kills == {published.key}
    assert offline.here().read() != ()  # the pulse served does not carry it yet

    assert process.refresh().pulse.kills == {published.key}
    process.look_offline()
    assert not offline.here().read()
    assert process.current().pulse.kills == {published.key}
    kill = Kill.objects.get()
    assert (kill.at, kill.by, kill.why) == (at, editor, "wrong price")
    assert Revision.objects.filter(verb="killed offline", object_key=published.key).count() == 1


def test_a_lift_is_not_undone_by_a_copy_of_the_file(published: Campaign, process: Serving) -> None:
    at = timezone.now()
    file = offline.here()
    file.add([OfflineKill(published.key, micros(at))])
    copy = file.path.read_bytes()
    pulse.absorb(at)
    pulse.lift(published.key, by=None, now=at + timedelta(seconds=1))
    file.path.write_bytes(copy)

    assert pulse.absorb(at + timedelta(minutes=1)) == []
    process.look_offline()

    assert file.read() == ()
    assert process.refresh().pulse.kills == frozenset()


def test_a_kill_that_stood_already_absorbs_a_later_one_for_good(published: Campaign) -> None:
    at = timezone.now()
    pulse.kill(published.key, by=None, now=at - timedelta(hours=1))
    offline.here().add([OfflineKill(published.key, micros(at))])

    assert pulse.absorb(at) == []
    pulse.lift(published.key, by=None, now=at + timedelta(seconds=1))
    assert pulse.absorb(at + timedelta(minutes=1)) == []
    assert offline.here().read() == ()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data.replace(b'"at":1', b'"at":2'), id="altered"),
        pytest.param(lambda data: data[:-10], id="cut"),
        pytest.param(lambda data: b"", id="emptied"),
        pytest.param(lambda data: OfflineKills(Path(), "test", b"x" * 32).signed([OfflineKill("one", 1)]), id="secret"),
        pytest.param(lambda data: b"[" * 100_000, id="nonsense"),
    ],
)
def test_a_tampered_file_is_passed_over_and_what_was_known_stays(
    published: Campaign, process: Serving, spoil: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    file = offline.here()
    file.add([OfflineKill(published.key, 1)])
    assert process.current().pulse.kills == {published.key}

    file.path.write_bytes(spoil(file.path.read_bytes()))
    process.look_offline()

    assert process.current().pulse.kills == {published.key}
    assert Serving(follow=False).current().pulse.kills == frozenset()
    assert "passed over" in caplog.text
    with pytest.raises(Tampered):
        file.read()


def test_another_deployments_file_is_none_of_ours(tmp_path: Path) -> None:
    mine, other = (OfflineKills(tmp_path, name, b"s" * 32) for name in ("live", "staging"))

    with pytest.raises(Tampered):
        mine.opened(other.signed([OfflineKill("one", 1)]))


def test_other_machines_hear_of_it_over_valkey(published: Campaign, valkey: redis.Redis, tmp_path: Path) -> None:
    here, there = offline.here(), OfflineKills(tmp_path, offline.here().deployment, offline.here()._secret)

    assert offline.announce(here, here.add([OfflineKill("one", 1)]))
    valkey.hset(offline.shared_key(), "forged", b'{"deployment":"test","kills":[{"campaign":"two","at":1}]}')
    offline.hear(there, valkey)

    assert there.read() == (OfflineKill("one", 1),)


def command(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "kill", *words],
        cwd=env.PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


class Web:
    """A web process that has only what stands on disk, asked with X-Explain."""

    def __init__(self, environment: dict[str, str], key: str, campaign: str) -> None:
        self.port, self.key, self.campaign = ports.choose(), key, campaign
        words = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--no-log"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words, "--workers", "2", "config.wsgi:application"],
            cwd=env.PROJECT, env=environment,
        )  # fmt: skip

    def reason(self) -> str:
        """Of the campaign, by a new connection: whichever worker takes it."""
        body = json.dumps({"account_id": "acc_1", "placements": ["home-hero"]}).encode()
        head = [
            "POST /v1/decisions HTTP/1.1", "Host: localhost", "Connection: close", "X-Explain: 1",
            "Content-Type: application/json", f"Content-Length: {len(body)}", f"Authorization: Bearer {self.key}",
        ]  # fmt: skip
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=5)) as wire:
            wire.sendall("\r\n".join([*head, "", ""]).encode() + body)
            received = b"".join(iter(lambda: wire.recv(65536), b""))
        told: dict[str, Any] = json.loads(parsed(received)[1])
        lost = [each["reason"] for each in told["trace"]["home-hero"] if each["campaign"] == self.campaign]
        return str(lost[0] if lost else told["placements"]["home-hero"]["reason"])

    def until_up(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                self.reason()
            except (OSError, ValueError, KeyError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return


@pytest.mark.parametrize(("postgres", "valkey_too"), [("dead", False), ("frozen", True)], ids=["dead", "both-away"])
def test_every_process_of_a_machine_stops_within_a_second(
    published: Campaign, process: Serving, child_environment: dict[str, str], postgres: str, frozen: str,
    valkey: redis.Redis, valkey_too: bool,
) -> None:  # fmt: skip
    valkey.set("epoch", 1)
    key = issue("server", Scope.SERVER, by=None, now=timezone.now()).key
    process.refresh()  # leaves release and pulse on the disk of this machine
    environment = child_environment | {"DATABASE_URL": DEAD if postgres == "dead" else frozen}
    if valkey_too:
        environment |= {"REDIS_URL": "redis://127.0.0.1:1/0", "BROKER_URL": "redis://127.0.0.1:1/0"}
    web = Web(environment, key, published.key)
    try:
        web.until_up()
        assert web.reason() != "KILLED"

        refused = command(environment, "first-tial", "--offline")
        done = command(environment, published.key, "--offline", "--by", "ann", "--why", "wrong price")
        time.sleep(WITHIN)
        seen = {web.reason() for _ in range(20)}
    finally:
        web.process.terminate()
        web.process.wait(timeout=20)

    assert (refused.returncode, done.returncode) == (1, 0), done.stderr
    assert "has no campaign 'first-tial'" in refused.stderr
    assert ("other machines were told" in done.stdout) is not valkey_too
    assert seen == {"KILLED"}


def test_without_postgres_the_plain_command_names_the_way_out(
    published: Campaign, child_environment: dict[str, str]
) -> None:
    done = command(child_environment | {"DATABASE_URL": DEAD}, published.key)

    assert done.returncode == 1
    assert "Stop the campaign with --offline." in done.stderr


def test_a_kill_on_line_puts_the_offline_ones_on_record(
    published: Campaign, editor: User, approver: User, child_environment: dict[str, str]
) -> None:
    second = live(editor, approver, key="second")
    assert command(child_environment | {"DATABASE_URL": DEAD}, published.key, "--offline").returncode == 0

    done = command(child_environment, second.key, "--by", "ann")

    assert f"the offline kill of {published.key} is on record now" in done.stdout
    assert set(Kill.objects.values_list("campaign", flat=True)) == {published.key, second.key}
