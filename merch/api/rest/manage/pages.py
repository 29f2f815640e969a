"""How much of a list is given at once?"""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from merch.api.rest.problems import bad

MOST_PAGES = 1_000_000


class BoundedPages(PageNumberPagination):
    """Pages of 50, or up to 200 by ``page_size``; anything else is a 400, never a silent default."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        return _number(request, "page_size", self.max_page_size) or self.page_size

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        _number(request, self.page_query_param, MOST_PAGES)
        return super().paginate_queryset(queryset, request, view)


def _number(request: Request, name: str, most: int) -> int | None:
    raw = request.query_params.get(name)
    if raw is None:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 7 and 1 <= int(raw) <= most):
        raise bad(name, "invalid", f"Use a whole number from 1 to {most}.")
    return int(raw)
