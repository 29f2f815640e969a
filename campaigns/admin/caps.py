"""How is a cap entered, and what is told when its parts do not fit?"""

from __future__ import annotations

from typing import Any

from audiences.admin.fields import SpanField
from audiences.admin.revising import FreshForm
from campaigns.models import FrequencyCap

MOST_ROLLING = 20


class CapForm(FreshForm):
    """A cap; which parts belong together is said before the database would refuse them."""

    length = SpanField(required=False, help_text="Of a rolling window: 24 hours, 7 days. Empty for “ever”.")

    class Meta:
        model = FrequencyCap
        fields: tuple[str, ...] = ("limit", "event", "window", "length", "scope", "scope_key")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        rolling = cleaned.get("window") == FrequencyCap.Window.ROLLING
        if rolling and "length" in cleaned and cleaned["length"] is None:
            self.add_error("length", "A rolling window needs a length: 7 days.")
        if not rolling and cleaned.get("length"):
            self.add_error("length", "“Ever” has no length. Leave it empty, or choose a rolling window.")
        if rolling and (cleaned.get("limit") or 0) > MOST_ROLLING:
            self.add_error("limit", f"A rolling cap counts to {MOST_ROLLING} at most: that many moments are kept.")
        return cleaned


class OwnCapForm(CapForm):
    """A cap of one campaign: it counts this campaign's own impressions unless said otherwise."""

    class Meta(CapForm.Meta):
        fields = ("limit", "event", "window", "length", "scope")


class SharedCapForm(CapForm):
    """A cap that campaigns share."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if cleaned.get("scope") == FrequencyCap.Scope.CAMPAIGN:
            self.add_error("scope", "A shared cap counts more than one campaign. Put a campaign's own cap on its page.")
        return cleaned
