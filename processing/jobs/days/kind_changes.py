"""Notices metrics that a day shows as another kind, value or ratio, than their stream has had (contract section 4).

The receipt of the file that does so warns of it, too; the day says what all files together come to.
"""

from __future__ import annotations

from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.publications import Manifest
from processing.domain.stream_state import KindChange
from processing.domain.streams import Stream
from processing.ingest.masked_columns import masked_columns
from processing.jobs.known_kinds import values_among
from processing.publication.model import DayResult
from processing.stored.context import JobContext
from schemas.customer_config import CustomerConfig

_SHOWN: Final = 5


def kind_change(context: JobContext, manifest: Manifest, result: DayResult, config: CustomerConfig) -> KindChange | None:
    """The metrics of a publication that were values before, or of which rows have no value because they are ratios; or None.

    A metric whose kind the config pins changes it by nobody's rows.
    """
    pinned = config.pinned
    rows = {name: count for name, count in result.without_value.items() if name not in pinned}
    new = [name for name in result.ratios if name not in manifest.ratios_before and name not in pinned and name not in rows]
    if new:
        stream = Stream(manifest.customer, manifest.dataset)
        rows |= dict.fromkeys(values_among(context, stream, new, before=manifest.day), 0)
    if not rows:
        return None
    frequent = sorted(rows, key=lambda name: (-rows[name], name))
    is_masked = "metric_name" in masked_columns(config)[Dataset.METRICS]
    return KindChange(metrics=() if is_masked else tuple(frequent[:_SHOWN]), count=len(rows), rows=sum(rows.values()))
