"""Is this process alive, is it ready, and what does it count? (None of it asks PostgreSQL or Valkey.)"""

from time import monotonic

import prometheus_client
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CollectorRegistry, multiprocess, values

from merch import metrics
from merch.releases import serving


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", "text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 once a published release is served, from wherever it came; a dead PostgreSQL does not make it unready."""
    state = serving.current()
    ready = state.publication > 0
    body = {
        "ready": ready,
        "release": state.release.digest if ready else None,
        "publication": state.publication,
        "pulse": state.pulse.number,
        "source": state.source,
    }
    return JsonResponse(body, status=200 if ready else 503, headers={} if ready else {"Retry-After": "1"})


def metrics_page(request: HttpRequest) -> HttpResponse:
    """Prometheus text: of every worker where they share a directory (PROMETHEUS_MULTIPROC_DIR), else of this one."""
    state = serving.current()
    metrics.SNAPSHOT_AGE.set(monotonic() - state.confirmed_at)
    metrics.SNAPSHOT_VERSION.set(state.publication)
    registry = prometheus_client.REGISTRY
    if values.ValueClass._multiprocess:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(prometheus_client.generate_latest(registry), prometheus_client.CONTENT_TYPE_LATEST)
