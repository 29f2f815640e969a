"""Whom would guards and law have stopped last week? (A fragment of the page on which a campaign is approved.)"""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone

from audiences.admin.permissions import visible
from campaigns.models import Campaign
from merch.replay import guarding


def guarded(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Counts only: ids of decisions open nothing to those who may not see decisions."""
    campaign = get_object_or_404(visible(request, Campaign.objects.all()), pk=campaign_id)
    try:
        lines = guarding.in_words(guarding.over_recorded(campaign, now=timezone.now()))
    except guarding.CannotAsk as cannot:
        lines = [str(cannot)]
    return render(request, "merch/admin/guarded.html", {"lines": lines})


urlpatterns: list[URLPattern] = [
    path("<int:campaign_id>/", admin.site.admin_view(guarded), name="admin-guarded"),
]
