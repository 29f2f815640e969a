"""Which browser drives the admin, and who sits before it?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.factories.people import UserFactory

PASSWORD = "a-long-pass-phrase"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SignIn = Callable[[str], Page]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[Browser]:
    """The machine's own Chromium; nothing is downloaded. It closes before the database is emptied."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(NAMES)} is installed")
    # Playwright keeps an event loop in this thread; Django would take our queries for asynchronous ones.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield made
        made.close()


@pytest.fixture
def people(browser: Browser) -> dict[str, User]:
    """Two people who may do everything, and how they sign in."""
    return {name: person(name, is_superuser=True) for name in ("anna", "bo")}


def person(name: str, **attributes: bool) -> User:
    """Somebody who can sign in with PASSWORD."""
    made: User = UserFactory(username=name, is_staff=True, **attributes)
    made.set_password(PASSWORD)
    made.save()
    return made


@pytest.fixture
def sign_in(browser: Browser, live_server: LiveServer, people: dict[str, User]) -> Iterator[SignIn]:
    """Opens a fresh browser profile for a person and signs them in through the form."""
    contexts = []

    def opened(name: str) -> Page:
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/admin/login/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/admin/")
        return page

    yield opened
    for context in contexts:
        context.close()
