"""Do the embedded servers start, survive, and leave nothing behind, whoever is killed and when?"""

import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config import env
from config.embedded import EmbeddedError, Wanted, account, serving
from config.embedded.postgres import Postgres, binary
from config.embedded.valkey import Valkey
from tests.config.conftest import EMBEDDED, House, until


def test_a_command_gets_servers_and_nothing_stays_behind(house: House) -> None:
    redis = "import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).config_get('maxmemory-policy'))"

    assert house.sql("select version()").startswith("PostgreSQL 18")
    assert "noeviction" in house.run(sys.executable, "-c", redis)
    assert house.processes() == []


def test_data_and_port_are_kept_between_uses(house: House) -> None:
    first = house.run("sh", "-c", "echo $DATABASE_URL")
    house.sql("create table kept (n int)")

    assert house.sql("select count(*) from kept") == "0"
    assert house.run("sh", "-c", "echo $DATABASE_URL") == first


def test_the_exit_code_and_signals_of_the_command_pass_through(house: House) -> None:
    failed = house.start("sh", "-c", "exit 7")
    assert failed.wait(60) == 7

    asked = house.start("sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    assert asked.stdout is not None
    asked.stdout.readline()
    asked.send_signal(signal.SIGTERM)
    assert asked.wait(60) == 9


def test_the_last_one_out_stops_the_servers(house: House) -> None:
    first = house.hold()
    postmaster = house.postmaster()

    assert house.sql("select 1") == "1"
    assert house.postmaster() == postmaster

    first.send_signal(signal.SIGTERM)
    first.wait(60)
    assert house.processes() == []


def test_starters_that_race_share_one_server(house: House) -> None:
    crowd = [house.start("sh", "-c", "echo $DATABASE_URL $REDIS_URL; sleep 2") for _ in range(4)]
    told = {process.communicate(timeout=90)[0] for process in crowd}

    assert len(told) == 1
    assert Postgres(house.home).log.read_text().count("ready to accept connections") == 1
    assert house.processes() == []


def test_servers_stop_when_every_user_was_killed(house: House) -> None:
    user = house.hold()
    os.killpg(user.pid, signal.SIGKILL)  # the starter and its command: nobody is left to clean up

    until(lambda: house.processes() == [])
    assert house.sql("select 1") == "1"


def test_a_command_keeps_its_servers_when_its_starter_was_killed(house: House) -> None:
    user = house.hold()
    postmaster = house.postmaster()
    user.kill()
    user.wait()

    assert house.sql("select 1") == "1"
    assert house.postmaster() == postmaster


def test_a_user_stops_the_servers_when_the_keeper_was_killed(house: House) -> None:
    user = house.hold()
    for keeper in keepers(house):
        os.kill(keeper, signal.SIGKILL)
    user.send_signal(signal.SIGTERM)
    user.wait(60)

    assert house.processes() == []


def test_acknowledged_rows_survive_a_killed_postmaster(house: House) -> None:
    house.sql("create table kept (n int)", test=False)
    user = house.start("sh", "-c", "echo ready; exec sleep 300", test=False)
    assert user.stdout is not None
    user.stdout.readline()
    house.sql("insert into kept select generate_series(1, 1000)", test=False)
    os.kill(house.postmaster(), signal.SIGKILL)

    assert house.sql("select count(*) from kept", test=False) == "1000"


def test_a_postmaster_nobody_waited_for_is_not_taken_for_a_live_one(house: House) -> None:
    house.hold()
    dead = house.postmaster()
    keeper = keepers(house)[0]
    os.kill(keeper, signal.SIGSTOP)  # its parent, which would have waited for it
    os.kill(dead, signal.SIGKILL)
    until(lambda: "Z" in Path(f"/proc/{dead}/stat").read_text().rpartition(")")[2].split()[0])

    assert house.sql("select 1") == "1"
    assert house.postmaster() != dead
    os.kill(keeper, signal.SIGCONT)


def test_a_stale_pid_that_now_belongs_to_another_process_is_no_obstacle(house: House) -> None:
    user = house.hold()
    path = Postgres(house.home).data / "postmaster.pid"
    lines = path.read_text().splitlines()
    os.kill(house.postmaster(), signal.SIGKILL)
    os.killpg(user.pid, signal.SIGKILL)
    until(lambda: house.processes() == [])
    path.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert house.sql("select 1") == "1"


def test_a_port_that_was_taken_meanwhile_is_chosen_again(house: House) -> None:
    house.run("true")
    before = house.home.endpoint("postgres").port
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", before))
        thief.listen()

        assert house.sql("select 1") == "1"
    assert house.home.endpoint("postgres").port != before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "frozen"])
def test_a_valkey_that_does_not_answer_is_replaced(house: House, number: signal.Signals) -> None:
    house.hold()
    before = house.valkey()
    os.kill(before, number)

    house.run("true")

    assert Valkey(house.home).ready()
    assert house.valkey() != before


def test_a_process_that_inherited_the_id_of_a_dead_valkey_is_spared(house: House) -> None:
    user = house.hold()
    os.kill(house.valkey(), signal.SIGKILL)
    os.killpg(user.pid, signal.SIGKILL)
    until(lambda: house.processes() == [])
    stranger = subprocess.Popen(["sleep", "60"])
    (house.home.servers / "valkey" / "valkey.pid").write_text(str(stranger.pid))

    house.run("true")

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_frozen_postmaster_is_stopped_all_the_same(house: House) -> None:
    user = house.hold()
    os.kill(house.postmaster(), signal.SIGSTOP)
    user.send_signal(signal.SIGTERM)
    user.wait(90)

    assert house.processes() == []


def test_half_a_data_directory_is_not_taken_for_whole(house: House) -> None:
    half = Postgres(house.home).data.with_name("fresh")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    assert house.sql("select 1") == "1"


def test_a_url_that_is_given_switches_its_server_off(house: House) -> None:
    given = env.for_child(DATABASE_URL="postgres://somebody@elsewhere/theirs", REDIS_URL=None)
    words = [*EMBEDDED, "exec", "--home", str(house.root), "--", "sh", "-c", "echo $DATABASE_URL $REDIS_URL"]
    told = subprocess.run(words, cwd=env.PROJECT, env=given, capture_output=True, text=True, check=True).stdout.split()

    assert told[0] == "postgres://somebody@elsewhere/theirs"
    assert told[1].startswith("redis://:")
    assert not Postgres(house.home).data.exists()


def test_stop_refuses_while_somebody_uses_the_servers(house: House) -> None:
    words = [*EMBEDDED, "stop", "--home", str(house.root)]
    house.hold()
    refused = subprocess.run(words, cwd=env.PROJECT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "in use" in refused.stderr

    subprocess.run([*words, "--force"], cwd=env.PROJECT, check=True)
    assert not Postgres(house.home).running()


def test_strangers_are_kept_out(house: House) -> None:
    house.hold()
    address = f"postgres://merch:wrong@127.0.0.1:{house.home.endpoint('postgres').port}/merch"
    program = f"import psycopg\ntry: psycopg.connect({address!r})\nexcept psycopg.OperationalError as e: print(e)"

    assert "password authentication failed" in house.run(sys.executable, "-c", program)
    modes = {path.stat().st_mode & 0o077 for path in (house.root, house.home.servers, Postgres(house.home).data)}
    assert modes == {0}


def test_root_without_user_namespaces_borrows_an_account_or_names_database_url(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "UNSHARE", ("no-such-command",))
    accounts = [found for found in map(account.existing, account.ACCOUNTS) if found]
    borrowed = [found for found in accounts if account.works(found, binary("initdb"))]
    if os.geteuid() == 0 and not borrowed:
        with pytest.raises(EmbeddedError, match="DATABASE_URL"), serving(house.home, Wanted()):
            pass
        return

    with serving(house.home, Wanted(), test=True):
        owner = pwd.getpwuid(Postgres(house.home).data.stat().st_uid).pw_name

    assert owner == (borrowed[0].user if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    assert house.processes() == []


def test_root_that_finds_no_account_is_told_about_database_url(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "UNSHARE", ("no-such-command",))
    monkeypatch.setattr(account, "ACCOUNTS", ("no-such-account",))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(EmbeddedError, match="set DATABASE_URL"):
        account.for_directory(house.root / "data", binary("postgres"), house.root)


def keepers(house: House) -> list[int]:
    return [pid for pid in house.processes() if b"keep" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
