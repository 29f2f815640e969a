"""How does somebody get into the demo: which passwords, which keys, which line to try?

Passwords and keys are shown once and stored as digests, so they are kept beside in the demo's own file. Without that
file new ones are made, and the old ones are refused.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User

from audiences.models import Subject
from audiences.moments import micros
from merch.demo.staff import ADMIN, EVERYBODY
from merch.engine.decide import decide
from merch.engine.facts import Asked, Request
from merch.issuing import issue, revoke
from merch.keys import Scope
from merch.models import ApiKey
from merch.releases.serving import Serving
from merch.subjects.store import store

KEYS = {Scope.CLIENT: "tonika-app", Scope.SERVER: "tonika-backend", Scope.MANAGE: "tonika-tools"}
PLACEMENT = "home-hero"
CONTEXT = {"country": "SE", "locale": "sv-SE", "platform": "web"}
MOST_TRIED = 2_000


def told() -> Path:
    """The file that says how to get in."""
    return Path(settings.MERCH_HOME) / "demo.json"


def open_doors(*, now: datetime) -> dict[str, Any]:
    """New passwords and keys, written to the demo's file, with a line that is answered with a price."""
    admin = User.objects.get(username=ADMIN)
    passwords = {name: _password(User.objects.get(username=name)) for name in EVERYBODY}
    keys = {scope.value: _key(scope, name, admin, now) for scope, name in KEYS.items()}
    account = priced_account(now)
    found = {
        "about": "Tonika is made up: its listeners, prices and campaigns do not exist.",
        "admin": {"username": ADMIN, "password": passwords.pop(ADMIN)},
        "people": passwords,
        "keys": keys,
        "account": account,
        "curl": curl(account, keys[Scope.CLIENT.value]),
    }
    _write(found)
    return found


def curl(account: str | None, key: str) -> str:
    """One line; ``{base}`` stands for the address."""
    body = json.dumps({"account_id": account or "nobody", "placements": [PLACEMENT], "context": CONTEXT})
    headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    return f"curl -s {{base}}/v1/decisions {headers} -d '{body}'"


def priced_account(now: datetime) -> str | None:
    """The first free listener in Sweden who would be shown an offer with a price."""
    state = Serving(follow=False).refresh()
    rows = Subject.objects.filter(traits__market__0="SE", traits__subscription_state__0="FREE").order_by("key")
    for key in rows.values_list("key", flat=True)[:MOST_TRIED]:
        request = Request(
            decision_id=str(UUID(int=0)),
            kind="a",
            key=key,
            placements=(Asked(PLACEMENT),),
            context=CONTEXT,
            prefetch=True,
        )
        subject = store.read("a", key, state.release.doc.layout)
        answer = decide(state.release, state.pulse, request, subject, micros(now)).answers[0]
        if answer.slots and answer.slots[0].campaign == "first-trial" and answer.slots[0].quote is not None:
            return str(key)
    return None


def _password(user: User) -> str:
    password = secrets.token_urlsafe(9)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _key(scope: Scope, name: str, admin: User, now: datetime) -> str:
    for row in ApiKey.objects.filter(name=name, scope=scope.value, revoked_at__isnull=True):
        revoke(row, by=admin, now=now, why="replaced by the demo")
    return issue(name, scope, by=admin, now=now, person=admin if scope == Scope.MANAGE else None).key


def _write(found: dict[str, Any]) -> None:
    path = told()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.with_suffix(".new")
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(found, indent=2, ensure_ascii=False))
    kept.replace(path)
