"""Which bit position belongs to which behaviour, and has a run filled it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.db.models.functions import Now

from audiences import locks
from audiences.catalogue import vocabulary
from audiences.membership.plan import readable
from audiences.models import BehaviourLeaf
from audiences.rules import Rule, inline, node_document, parse
from audiences.rules.behaviours import behaviours

LAYOUT = 1  # the layout that new runs compute; a release names the one that it reads


def ensure_leaves(rules: Iterable[Rule], *, layout: int = LAYOUT) -> dict[str, int]:
    """The position of every behaviour that these inlined rules read, by its digest; new ones are allocated."""
    asked = {digest: node for rule in rules for digest, node in behaviours(rule.node).items()}
    known = positions(layout=layout)
    if asked.keys() - known.keys():
        known = _allocate({digest: node_document(node) for digest, node in asked.items()}, layout)
    return {digest: known[digest] for digest in asked}


def ensure_documents(documents: Iterable[Mapping[str, Any] | None], *, layout: int = LAYOUT) -> dict[str, int]:
    """As ``ensure_leaves``, of stored rules; an empty one reads nothing, nor does one that does not parse."""
    known, audiences, _ = readable(vocabulary())
    parsed = (parse(document, known) for document in documents if document)
    return ensure_leaves((inline(rule, audiences) for rule in parsed if isinstance(rule, Rule)), layout=layout)


def positions(*, layout: int = LAYOUT) -> dict[str, int]:
    """Every allocated position by the digest of its behaviour."""
    return dict(BehaviourLeaf.objects.filter(layout=layout).values_list("digest", "position"))


def filled_positions(*, layout: int = LAYOUT) -> dict[str, int]:
    """As ``positions``, but only those that a published run has computed: what a release may read."""
    filled = BehaviourLeaf.objects.filter(layout=layout, filled_by__isnull=False)
    return dict(filled.values_list("digest", "position"))


def _allocate(documents: dict[str, dict[str, object]], layout: int) -> dict[str, int]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.POSITION])
        known = positions(layout=layout)
        highest = BehaviourLeaf.objects.filter(layout=layout).aggregate(highest=Max("position"))["highest"]
        first = 0 if highest is None else highest + 1
        missing = sorted(documents.keys() - known.keys())
        BehaviourLeaf.objects.bulk_create(
            BehaviourLeaf(layout=layout, position=position, digest=digest, leaf=documents[digest], created_at=Now())
            for position, digest in enumerate(missing, first)
        )
    return known | {digest: position for position, digest in enumerate(missing, first)}
