"""Telemetry that keeps all it is told: spans with their facts, causes and ends, and every value of every metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from processing.domain.telemetry_names import Fact, Facts, Metric, SpanName


@dataclass(slots=True, kw_only=True)
class ToldSpan:
    """One piece of work."""

    name: SpanName
    trace: str
    facts: dict[Fact, str]
    causes: list[str]
    parent: str | None
    error: str | None = None
    """Type of the error that ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldValue:
    """One value of a metric."""

    metric: str
    value: float
    facts: Mapping[Fact, str]


@dataclass(slots=True)
class Told:
    """The port, for one thread; identities count up."""

    spans: list[ToldSpan] = field(default_factory=list)
    values: list[ToldValue] = field(default_factory=list)
    _open: list[ToldSpan] = field(default_factory=list)

    @contextmanager
    def span(self, name: SpanName, facts: Facts, *, causes: Iterable[str | None] = ()) -> Iterator[None]:
        number = len(self.spans) + 1
        trace = f"00-{number:032x}-{number:016x}-01"
        span = ToldSpan(name=name, trace=trace, facts=dict(facts), causes=[], parent=self.trace())
        self.spans.append(span)
        self._open.append(span)
        self.link(causes)
        try:
            yield
        except BaseException as error:
            span.error = type(error).__name__
            raise
        finally:
            self._open.pop()

    def tell(self, facts: Facts) -> None:
        self._open[-1].facts.update(facts)

    def link(self, causes: Iterable[str | None]) -> None:
        self._open[-1].causes.extend(dict.fromkeys(cause for cause in causes if cause is not None))

    def trace(self) -> str | None:
        return self._open[-1].trace if self._open else None

    def measure(self, metric: Metric, value: float, facts: Facts) -> None:
        assert set(facts) == set(metric.facts), f"{metric.name} is told with {set(facts)}"
        self.values.append(ToldValue(metric=metric.name, value=value, facts=dict(facts)))

    # What tests ask

    def named(self, name: SpanName) -> list[ToldSpan]:
        """The spans of one name, in the order of their beginning."""
        return [span for span in self.spans if span.name is name]

    def by(self, metric: Metric, fact: Fact) -> dict[str, float]:
        """The sum of a metric for each value of a fact."""
        sums: dict[str, float] = {}
        for each in self.values:
            if each.metric == metric.name:
                sums[each.facts[fact]] = sums.get(each.facts[fact], 0) + each.value
        return sums

    def of(self, metric: Metric) -> list[float]:
        """Every value of a metric."""
        return [each.value for each in self.values if each.metric == metric.name]

    def everything(self) -> str:
        """All that was told, as text to search."""
        return repr((self.spans, self.values))
