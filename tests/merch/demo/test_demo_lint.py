"""Is nothing said of the demo that is not so?"""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("transactional_db", "valkey")]


def test_the_demo_gives_no_false_alarm() -> None:
    call_command("load_demo", listeners=300, stdout=StringIO())
    said = StringIO()

    call_command("lint_release", stdout=said)

    assert said.getvalue() == "nothing to look at\n"
