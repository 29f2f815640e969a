"""Who works on campaigns, and when?"""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from tests.factories import UserFactory

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def author(db: None) -> User:
    return UserFactory(username="author")


@pytest.fixture
def approver(db: None) -> User:
    return UserFactory(username="approver", approver=True)


@pytest.fixture
def launcher(db: None) -> User:
    return UserFactory(username="launcher", launcher=True)
