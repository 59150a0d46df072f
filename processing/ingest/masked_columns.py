"""Which columns of the contract hold what a config masks, whatever the customer's uploads call it (contract section 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.ingest.columns.dataset_schemas import columns_of
from processing.ingest.columns.header import fold
from processing.ingest.expressions.compiler import columns_read
from processing.ingest.readers.segment import FOLDERS, SOURCES
from schemas.customer_config import CustomerConfig, DatasetConfig


def masked_columns(config: CustomerConfig) -> Mapping[Dataset, frozenset[str]]:
    """Of each dataset the columns that are masked: those named, in any spelling, and those that are made of what is named.

    Nobody knows here which file a row came from, so that a column is masked where it would be for any file.
    """
    names = frozenset(map(fold, config.mask_values))
    return {dataset: _masked(dataset, config.dataset(dataset), names) for dataset in DATA_DATASETS}


def _masked(dataset: Dataset, config: DatasetConfig, names: frozenset[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    sources = _sources(config)
    called = set(names)
    made_of: dict[str, Collection[str]] = dict(sources)
    if dataset in FOLDERS:
        called.update(fold(column) for column, fields in SOURCES.items() if not names.isdisjoint(map(fold, fields)))
        made_of = {column: {*found, *map(fold, SOURCES.get(column, ()))} for column, found in sources.items()}
    uploaded = called.union(*(made_of[column] for column in sources if fold(column) in called))
    return frozenset(column for column, found in sources.items() if not uploaded.isdisjoint((fold(column), *found)))


def _sources(config: DatasetConfig) -> dict[str, set[str]]:
    """The columns of the contract, and of wide tables, each with the folded names of uploaded ones that it may come from."""
    found = {column: {fold(column)} for column in (*_contract_columns(), *config.values.values())}
    for key, column in config.folders.items():
        found.setdefault(column, set()).add(fold(key))
    for source, column in config.columns.items():
        found.setdefault(column, set()).update((fold(source), fold(source.partition(".")[0])))
    for column, sql in config.select.items():
        found.setdefault(column, set()).update(map(fold, columns_read(sql)))
    for column in config.values.values():
        found["metric_value"] |= found[column]
    return found


@cache
def _contract_columns() -> frozenset[str]:
    """Of all datasets: where ids are told, those of a user have types as well."""
    return frozenset().union(*map(columns_of, DATA_DATASETS))
