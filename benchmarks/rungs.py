"""Which views of Django stand beside ours?"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from msgspec.json import decode, encode
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.releases import NOW, request, subjects
from merch.engine.decide import decide
from merch.releases import serving

SOMEBODY = subjects(1)[0]


@csrf_exempt
def bare(request_: HttpRequest) -> HttpResponse:
    """The least a Django view can do: decode, encode."""
    body = decode(request_.body)
    return HttpResponse(encode({"decision_id": "0", "placements": {name: {} for name in body["placements"]}}))


class CallSerializer(serializers.Serializer[Any]):
    account_id = serializers.CharField(max_length=200)
    placements = serializers.ListField(child=serializers.CharField(max_length=128), max_length=20)
    prefetch = serializers.BooleanField(default=False)


class SlotSerializer(serializers.Serializer[Any]):
    campaign = serializers.CharField()
    tier = serializers.CharField()
    creative = serializers.CharField()
    locale = serializers.CharField()


class AnswerSerializer(serializers.Serializer[Any]):
    placement = serializers.CharField()
    reason = serializers.CharField()
    slots = SlotSerializer(many=True)


class DefaultView(APIView):
    """What Django REST framework's tutorial would write, on the same engine: no key, no store, no record."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request_: Request) -> Response:
        asked = CallSerializer(data=request_.data)
        asked.is_valid(raise_exception=True)
        state = serving.current()
        decision = decide(state.release, state.pulse, request(0), SOMEBODY, NOW)
        return Response({"answers": AnswerSerializer(decision.answers, many=True).data})


urlpatterns = [
    path("bare", bare),
    path("drf", DefaultView.as_view()),
    path("hot/", include("merch.api.rest.urls")),
]
