"""What do tests of publishing stand on?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from campaigns import operations
from campaigns.models import Campaign
from merch.releases.serving import Serving
from tests.factories.whole import ready_campaign

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def editor(transactional_db: None) -> User:
    return User.objects.create_superuser("ann", password="ann-password")


@pytest.fixture
def approver(editor: User) -> User:
    return User.objects.create_superuser("bob", password="bob-password")


def live(editor: User, approver: User, **attributes: object) -> Campaign:
    """A campaign that was submitted, approved by somebody else, and launched."""
    campaign = ready_campaign(**attributes)
    approval = operations.submit(campaign, by=editor, now=NOW)
    operations.approve(approval, by=approver, now=NOW)
    return operations.launch(campaign, by=editor, now=NOW)


@pytest.fixture
def campaign(editor: User, approver: User) -> Campaign:
    return live(editor, approver)


@pytest.fixture
def process(transactional_db: None) -> Serving:
    """What one web process would serve, asked by hand."""
    return Serving(follow=False)
