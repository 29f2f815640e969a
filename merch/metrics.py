"""What is counted and timed, under which Prometheus names? (Labels only from closed sets, so that series stay few.)"""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.010, 0.025, 0.050, 0.100, 0.250, 1.0, 5.0)  # seconds

HTTP_REQUESTS = Counter("http_requests_total", "Calls answered at the machines' doors.", ("route", "method", "code"))
HTTP_SECONDS = Histogram("http_request_duration_seconds", "Time to answer a call.", ("route",), buckets=BUCKETS)

DECISION_REQUESTS = Counter("decision_requests_total", "Placements decided.", ("outcome",))
DECISION_SECONDS = Histogram("decision_duration_seconds", "Time of a whole decision.", buckets=BUCKETS)
DECISION_DEGRADED = Counter("decision_degraded_total", "Decisions made without something, by what.", ("reason",))

CAP_RESERVATIONS = Counter("cap_reservations_total", "Holds of strict caps, by what became of them.", ("result",))

EVENTS_RECEIVED = Counter("events_received_total", "Events by kind and what became of them.", ("kind", "result"))
EVENT_COMMIT_SECONDS = Histogram("event_commit_duration_seconds", "Time to store a batch of events.", buckets=BUCKETS)
HISTORY_CUT = Counter("subject_history_cut_total", "Cells cut to keep records small.", ("what",))  # instants, cells

SNAPSHOT_VERSION = Gauge("snapshot_version", "Number of the publication served.", multiprocess_mode="livemin")
SNAPSHOT_LOAD_FAILURES = Counter("snapshot_load_failures_total", "Files on disk that were passed over.", ("kind",))
SNAPSHOT_AGE = Gauge("snapshot_age_seconds", "Time since the release was confirmed.", multiprocess_mode="livemax")

AUTH_FAILURES = Counter("auth_failures_total", "Calls refused for their key, by reason.", ("reason",))
CIRCUIT_STATE = Gauge("circuit_state", "1 while a dependency is cut off.", ("dependency",), multiprocess_mode="livemax")
SQL_REFUSED = Counter("sql_gate_refused_total", "Calls refused because PostgreSQL was busy or gone.", ("reason",))
DECISION_RECORDS_LOST = Counter("decision_records_lost_total", "Decision records that were never written.")
DECISION_RECORDS_OVERSIZE = Counter("decision_records_oversize_total", "Decision records of more than 10 KB of inputs.")


@lru_cache(maxsize=1024)
def counter(family: Counter, *labels: str) -> Counter:
    """The counter of these labels, found once: to look for it costs more than to count."""
    return family.labels(*labels)


@lru_cache(maxsize=1024)
def histogram(family: Histogram, *labels: str) -> Histogram:
    """As ``counter``."""
    return family.labels(*labels)
