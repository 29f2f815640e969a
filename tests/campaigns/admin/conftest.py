"""Who sits before the admin pages?"""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.people import UserFactory


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def anna(db: None) -> User:
    user: User = UserFactory(username="anna", is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def bo(db: None) -> User:
    user: User = UserFactory(username="bo", is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def annas(anna: User) -> Client:
    return browser(anna)


@pytest.fixture
def bos(bo: User) -> Client:
    return browser(bo)
