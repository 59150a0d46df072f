"""Telemetry that records all it is given: spans with their attributes, links and ends, and every value of every metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from processing.domain.telemetry_names import Attribute, Attributes, Metric, SpanName


@dataclass(slots=True, kw_only=True)
class RecordedSpan:
    """One piece of work."""

    name: SpanName
    traceparent: str
    attributes: dict[Attribute, str]
    links: list[str]
    parent: str | None
    error: str | None = None
    """Type of the error that ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedValue:
    """One value of a metric."""

    metric: str
    value: float
    attributes: Mapping[Attribute, str]


@dataclass(slots=True)
class RecordedTelemetry:
    """The port, for one thread; identities count up."""

    spans: list[RecordedSpan] = field(default_factory=list)
    values: list[RecordedValue] = field(default_factory=list)
    _open: list[RecordedSpan] = field(default_factory=list)

    @contextmanager
    def span(self, name: SpanName, attributes: Attributes, *, links: Iterable[str | None] = ()) -> Iterator[None]:
        number = len(self.spans) + 1
        traceparent = f"00-{number:032x}-{number:016x}-01"
        span = RecordedSpan(
            name=name, traceparent=traceparent, attributes=dict(attributes), links=[], parent=self.traceparent()
        )
        self.spans.append(span)
        self._open.append(span)
        self.link(links)
        try:
            yield
        except BaseException as error:
            span.error = type(error).__name__
            raise
        finally:
            self._open.pop()

    def set_attributes(self, attributes: Attributes) -> None:
        self._open[-1].attributes.update(attributes)

    def link(self, links: Iterable[str | None]) -> None:
        self._open[-1].links.extend(dict.fromkeys(traceparent for traceparent in links if traceparent is not None))

    def traceparent(self) -> str | None:
        return self._open[-1].traceparent if self._open else None

    def measure(self, metric: Metric, value: float, attributes: Attributes) -> None:
        assert set(attributes) == set(metric.attributes), f"{metric.name} is recorded with {set(attributes)}"
        self.values.append(RecordedValue(metric=metric.name, value=value, attributes=dict(attributes)))

    # What tests ask

    def named(self, name: SpanName) -> list[RecordedSpan]:
        """The spans of one name, in the order of their beginning."""
        return [span for span in self.spans if span.name is name]

    def by(self, metric: Metric, attribute: Attribute) -> dict[str, float]:
        """The sum of a metric for each value of a attribute."""
        sums: dict[str, float] = {}
        for each in self.values:
            if each.metric == metric.name:
                sums[each.attributes[attribute]] = sums.get(each.attributes[attribute], 0) + each.value
        return sums

    def of(self, metric: Metric) -> list[float]:
        """Every value of a metric."""
        return [each.value for each in self.values if each.metric == metric.name]

    def everything(self) -> str:
        """All that was told, as text to search."""
        return repr((self.spans, self.values))
