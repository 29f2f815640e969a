"""Do people at pages leave the threads that decisions need?"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from psycopg.errors import LockNotAvailable

from merch.api.rest.gate import HOLDERS, sql
from merch.api.rest.pages import SqlGateMiddleware


@pytest.fixture
def full() -> Iterator[None]:
    """Every place at the gate is taken."""
    with ExitStack() as stack:
        for _ in range(HOLDERS):
            assert sql._places.acquire(blocking=False)
            stack.callback(sql._places.release)
        yield


def test_a_page_is_refused_when_four_hold_sql(full: None, client: Client) -> None:
    answer = client.get("/admin/login/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "try again" in answer.content.decode()
    assert client.get("/healthz").status_code == 200


def test_a_page_is_served_through_the_gate(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)

    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_a_database_that_fails_a_page_is_the_gates_to_explain() -> None:
    def page(request: HttpRequest) -> HttpResponse:
        answer = middleware.process_exception(request, LockNotAvailable("canceling statement due to lock timeout"))
        assert answer is not None
        return answer

    middleware = SqlGateMiddleware(page)
    connection.ensure_connection()

    answer = middleware(RequestFactory().get("/admin/"))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
