"""Does a part that does not fit stop the publication instead of emptying what is served?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from audiences.models import TraitDefinition
from campaigns.models import Campaign, Guard
from merch.engine.compiling import BadRelease
from merch.releases import store
from merch.releases.serving import Serving
from tests.merch.releases.conftest import NOW


def test_a_guard_that_does_not_fit_stops_the_publication(campaign: Campaign, editor: User, process: Serving) -> None:
    served = store.publish(by=editor, now=NOW)
    TraitDefinition.objects.create(name="mood", label="mood", type="string")
    leaf = {"trait": "mood", "op": "present"}
    Guard.objects.create(key="calm", name="Only the calm", rule={"v": 1, "rule": leaf})
    TraitDefinition.objects.filter(name="mood").delete()

    with pytest.raises(BadRelease, match="calm"):
        store.publish(by=editor, now=NOW)

    assert process.refresh().release.digest == served.release.digest
