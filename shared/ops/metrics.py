"""Prometheus metrics that answer an operator's questions; labels never hold patient data."""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

REQUESTS = Histogram("careledger_request_seconds", "Time to answer, by route template", ["service", "method", "route", "status"])
EVENTS_PUBLISHED = Counter("careledger_events_published_total", "Events that the broker acknowledged", ["service"])
EVENTS_CONSUMED = Counter("careledger_events_consumed_total", "Events taken in", ["service"])
DEAD_LETTERS = Counter("careledger_dead_letters_total", "Events set aside because they could not be taken in", ["service"])
UNPUBLISHED = Gauge("careledger_unpublished_events", "Journal rows that wait for the broker", ["service"])
UNSEALED = Gauge("careledger_unsealed_entries", "Journal rows that wait for the sealer", ["service"])
CHECKPOINT_SIGNED = Gauge("careledger_checkpoint_signed_seconds", "When the last checkpoint was signed", ["service"])
REGISTRY_AGE = Gauge("careledger_registry_age_seconds", "Seconds since the registry was last read", ["service"])


def exposition() -> tuple[bytes, str]:
    """Return all metrics in the text format, and its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
