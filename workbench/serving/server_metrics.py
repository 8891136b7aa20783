"""Counts of a server for Prometheus, in its text format.

workbench_requests_total{route="/v1/chat/completions",code="200"} 1204.0
"""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector

from workbench.model import Completion
from workbench.serving.served_names import ServedNames

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)  # s


class ServerMetrics:
    """Counts since the start of the server."""

    def __init__(self) -> None:
        # A time beside each count, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        registry = self._registry
        labels = ("route", "code")
        self._requests = Counter(
            "workbench_requests", "Requests by route and HTTP status", labels, registry=registry
        )
        self._seconds = Histogram(
            "workbench_request_seconds",
            "Seconds from the headers to the last byte of the answer",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._tokens = Counter(
            "workbench_model_tokens", "Tokens of the model", ("kind",), registry=registry
        )
        self._completions = Counter(
            "workbench_completions", "Answers of the model by state", ("state",), registry=registry
        )
        self._served = Gauge(
            "workbench_served_version",
            "1 for the version that answers now",
            ("model", "version", "alias", "prompt"),
            registry=registry,
        )
        ProcessCollector(registry=registry)
        self._request_children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is one of few names."""
        children = self._request_children.get((route, status))
        if children is None:
            children = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._request_children[route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def count_completion(self, completion: Completion) -> None:
        """Count a completion and its tokens."""
        self._completions.labels(completion.state).inc()
        usage = completion.usage
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count:
                self._tokens.labels(kind).inc(count)

    def watch(self, name: str, description: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is asked for at each reading."""
        Gauge(name, description, registry=self._registry).set_function(value)

    def text(self, served: ServedNames | None) -> bytes:
        """Return all counts; `served`: names of the version that answers now."""
        self._served.clear()
        if served is not None:
            names = (served.model_name, served.model_version, served.alias, served.prompt_uri)
            self._served.labels(*names).set(1)
        return generate_latest(self._registry)


__all__ = ["CONTENT_TYPE", "ServerMetrics"]
