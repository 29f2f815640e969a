"""Is a key shown once, kept only as a digest, and refused once it is revoked?"""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from audiences.moments import micros
from merch import keys
from merch.issuing import CannotIssue, issue, revoke
from merch.keys import Caller, Scope, digest_of, keyring, part, verify
from merch.models import ApiKey, PulseHead, PulsePart
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
SECRET = b"a secret of thirty-two bytes or more"
NOW = timezone.now()


def check(key: str, now: int | None = None) -> Caller | None:
    return verify(key, keyring(part()), secret=keys.server_secret(), now=now or micros(timezone.now()))


def test_an_issued_key_names_its_application() -> None:
    issued = issue("ios-app", Scope.CLIENT, by=None, now=NOW, origins=["https://shop.example"])

    assert check(issued.key) == Caller(Scope.CLIENT, issued.row.pk, "ios-app", None, ("https://shop.example",))


def test_a_manage_key_acts_as_a_person() -> None:
    person = UserFactory()

    caller = check(issue("export", Scope.MANAGE, by=None, now=NOW, person=person).key)

    assert caller is not None
    assert caller.person_id == person.pk


def test_a_key_has_256_random_bits_and_is_stored_nowhere(django_assert_num_queries: Any) -> None:
    issued = issue("billing", Scope.SERVER, by=None, now=NOW)

    assert len(issued.key) == len("mk_s") + 43
    stored = [str(value) for value in ApiKey.objects.values_list().get()]
    sent = str(PulsePart.objects.get(name="keys").body)
    assert all(issued.key[12:] not in text for text in [*stored, sent])
    with django_assert_num_queries(1):
        part()


def test_every_change_makes_a_new_pulse() -> None:
    numbers = []
    row = issue("billing", Scope.SERVER, by=None, now=NOW).row
    numbers.append(PulseHead.objects.latest("number").number)
    revoke(row, by=None, now=NOW)
    numbers.append(PulseHead.objects.latest("number").number)
    revoke(row, by=None, now=NOW)
    numbers.append(PulseHead.objects.latest("number").number)

    assert numbers[0] < numbers[1] == numbers[2]


def test_two_keys_of_one_application_work_during_rotation() -> None:
    old, new = (issue("billing", Scope.SERVER, by=None, now=NOW) for _ in range(2))
    assert check(old.key)
    assert check(new.key)

    revoke(old.row, by=None, now=NOW, why="rotated")

    assert check(old.key) is None
    assert check(new.key)


def test_a_key_expires_at_its_moment_exactly() -> None:
    key = issue("trial", Scope.CLIENT, by=None, now=NOW, expires_at=NOW + timedelta(hours=1)).key
    end = micros(NOW + timedelta(hours=1))

    assert check(key, end - 1)
    assert check(key, end) is None


@pytest.mark.parametrize(
    "presented", ["", "mk_", "mk_s", "sk_x", "mk_s\u00e9", "mk_" + "x" * 98, "mk_sx\x00", "\ud800"]
)
def test_what_is_no_key_is_nobody(presented: str) -> None:
    assert check(presented) is None


def test_no_changed_key_is_taken() -> None:
    key = issue("billing", Scope.SERVER, by=None, now=NOW).key

    for at in range(len(key)):
        assert check(key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :]) is None
    assert check(key + "A") is None
    assert check(key[:-1]) is None


def test_a_digest_belongs_to_one_deployment() -> None:
    assert digest_of("mk_s1", SECRET) == digest_of("mk_s1", SECRET)
    assert digest_of("mk_s1", SECRET) != digest_of("mk_s1", SECRET[::-1])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scope": Scope.MANAGE}, "person"),
        ({"scope": Scope.SERVER, "origins": ["https://a.example"]}, "web pages"),
        ({"origins": ["https://a.example/path"]}, "origin"),
        ({"origins": ["*"]}, "origin"),
        ({"origins": ["javascript://a"]}, "origin"),
        ({"expires_at": NOW}, "expired"),
    ],
)
def test_a_key_that_would_not_work_is_not_issued(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CannotIssue, match=sentence):
        issue(**{"name": "app", "scope": Scope.CLIENT, "by": None, "now": NOW} | changed)

    assert not ApiKey.objects.exists()


def test_the_database_too_wants_a_person_for_a_manage_key() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(name="x", prefix="p", digest="d", scope="manage", created_at=NOW)


def test_the_command_prints_the_key_once() -> None:
    output, errors = io.StringIO(), io.StringIO()
    call_command("create_api_key", "ios-app", "--scope", "client", "--days", "30", stdout=output, stderr=errors)
    key = output.getvalue().strip()

    assert check(key)
    assert key not in errors.getvalue()

    call_command("revoke_api_key", key[:12], stdout=output)
    assert check(key) is None


@pytest.mark.parametrize(
    "words", [("--scope", "manage"), ("--scope", "manage", "--person", "nobody"), ("--days", "-1")]
)
def test_the_command_says_what_is_missing(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", "app", *words)
