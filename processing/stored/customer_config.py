"""The config of a customer as it is in force: the present one, or the last good one while the present one is broken.

`config/customers/<customer>.yaml` is the operator's alone. Each version that can be used is copied to `state`, with its
ETag; a broken one is read past, to that copy, and reported. No timeline makes an older copy the last good one:

    A reads version 1 ... B reads version 2, copies it ... A would copy version 1

because a copy is written only on condition that the former copy is unchanged since *before* the config was looked at once
more and found to be still this version.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, CustomerError, LaterError, OperatorError
from processing.domain.printable import printable
from processing.ports import IF_ABSENT, BlobInfo, BlobStore, Condition
from schemas.customer_config import CustomerConfig, DatasetConfig

if TYPE_CHECKING:
    from processing.stored.config_yaml import Document

_SHOWN: Final = 5
_LONGEST_MESSAGE: Final = 300
_TRIES: Final = 5
_VERSION_KEY: Final = "version"
_NO_FILE: Final = "none"
"""The version of a config that is not there: it is as good as an empty one."""


class ConfigRefused(OperatorError):
    """The operator fixes the file; the message names the keys and what is wrong with each."""


class NoConfigInForce(OperatorError):
    """The file is broken, and this program cannot use the last good one either: nothing is done by rules that nobody chose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """What is in force for a customer."""

    config: CustomerConfig
    version: str | None
    """ETag of the file that `config` was read from, None where there is no such file."""
    problem: str | None = None
    """Why the file as it is now is not in force, for receipts; None when it is."""


@dataclass(slots=True)
class ConfigCache:
    """What this process made of the version that it saw last, for each customer: another look costs one HEAD."""

    _seen: dict[str, tuple[str, CustomerConfig | ConfigRefused]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, customer: str, version: str) -> CustomerConfig | ConfigRefused | None:
        """What that version is, if it is the one seen last."""
        with self._lock:
            seen = self._seen.get(customer)
        return seen[1] if seen is not None and seen[0] == version else None

    def put(self, customer: str, version: str, found: CustomerConfig | ConfigRefused) -> None:
        """Keep it in the place of the one before."""
        with self._lock:
            self._seen[customer] = (version, found)


def load_config(lake: BlobStore, customer: str, cache: ConfigCache | None = None) -> LoadedConfig:
    """What is in force now; a broken file is a `problem`, not an exception.

    LaterError when storage does not answer. NoConfigInForce when the file is broken and its last good copy cannot be used
    by this program either, so that nothing is done by rules that nobody chose.
    """
    cache = ConfigCache() if cache is None else cache
    for _ in range(_TRIES):
        info = lake.head(blob_names.CONFIG_CONTAINER, blob_names.config_name(customer))
        version = _NO_FILE if info is None else info.etag
        found = cache.get(customer, version)
        if found is None:
            try:
                found = CustomerConfig() if info is None else _read(lake, info)
                if isinstance(found, CustomerConfig):
                    _keep(lake, customer, info)
            except ConditionNotMet:
                continue  # it was changed under our eyes
            if info is None or info.unreadable is None:  # moving it to another tier makes no other version
                cache.put(customer, version, found)
        if isinstance(found, CustomerConfig):
            return LoadedConfig(config=found, version=info.etag if info else None)
        return _fall_back(lake, customer, version, found)
    raise LaterError(f"the config of {customer} changes faster than it can be read")


def problem_of(lake: BlobStore, customer: str) -> str | None:
    """Why the config that lies there is not in force; None where it is, or where there is none."""
    info = lake.head(blob_names.CONFIG_CONTAINER, blob_names.config_name(customer))
    if info is None:
        return None
    try:
        found = _read(lake, info)
    except ConditionNotMet:
        return None  # it was changed under our eyes
    return str(found) if isinstance(found, ConfigRefused) else None


def misplaced_configs(lake: BlobStore, customers: Collection[str]) -> list[str]:
    """Names of blobs that lie among the configs and that nobody reads, for these customers are all there are."""
    read = {blob_names.config_name(customer) for customer in customers}
    return [info.name for info in lake.list_blobs(blob_names.CONFIG_CONTAINER) if info.name not in read]


def for_plain_rows(config: CustomerConfig) -> CustomerConfig:
    """The config without what it says of files: rows that came over HTTP have the dataset's own columns."""
    return config.model_copy(update={"datasets": {}})


def meaning_of(config: CustomerConfig, folder: Dataset) -> str:
    """A digest of what a config says of the rows of uploads to a folder: another text may say the same."""
    said: dict[str, object] = {"id_types": config.id_types}
    # Exposures come among events, too.
    for dataset in (folder, Dataset.EXPOSURES) if folder is Dataset.EVENTS else (folder,):
        said[dataset.value] = config.dataset(dataset).model_dump(mode="json", exclude_defaults=True)
    if folder is Dataset.METRICS and config.fitting:
        said["kinds"] = config.fitting
    return _digest(said)


def meaning_of_days(config: CustomerConfig, dataset: Dataset) -> str:
    """A digest of what a config says of how the days of a stream are computed; empty where it says nothing."""
    said = {"aggregate": config.aggregated, "kind": config.pinned} if dataset is Dataset.METRICS else {}
    return _digest(said) if any(said.values()) else ""


def _digest(said: Mapping[str, object]) -> str:
    text = json.dumps(said, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def parse_config(data: bytes) -> CustomerConfig:
    """A config from the bytes of its file, every expression compiled; ConfigRefused when it cannot be used."""
    from processing.stored.config_yaml import YamlRefused, read_yaml  # noqa: PLC0415 - most customers have no config

    try:
        document = read_yaml(data)
    except YamlRefused as error:
        raise ConfigRefused(str(error)) from error
    tree = {} if document.tree is None else document.tree
    if not isinstance(tree, dict):
        raise ConfigRefused("the file holds no keys: write lines such as `gap_policy: wait`")
    try:
        config = CustomerConfig.model_validate(tree)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = [_located(document, each["loc"], each["msg"]) for each in found]
        raise ConfigRefused(_joined(problems)) from error
    problems = [
        _located(document, loc, message)
        for name, part in config.datasets.items()
        for loc, message in (*_wrong_columns(name, part), *_wrong_expressions(name, part))
    ]
    if problems:
        raise ConfigRefused(_joined(problems))
    return config


def _wrong_columns(name: str, part: DatasetConfig) -> Iterator[tuple[tuple[str, ...], str]]:
    """Keys that name a contract column which the dataset does not have."""
    if not (part.select or part.constants or part.columns):
        return
    # Schemas and expressions take a second to import, and most commands read configs that need neither.
    from processing.ingest.columns.dataset_schemas import columns_of  # noqa: PLC0415

    try:
        known = (*columns_of(Dataset(name)), *part.values.values())
    except CustomerError:
        return  # a dataset whose columns this version does not know
    keys = {
        "select": part.select,
        "constants": part.constants,
        "columns": part.columns,
        "folders": part.folders,
    }
    for key, mapping in keys.items():
        for source, target in mapping.items():
            column = target if key in ("columns", "folders") else source
            if column not in known:
                yield (
                    ("datasets", name, key, source),
                    f"{name} has no column {column}; it has {', '.join(known)}",
                )


def _wrong_expressions(name: str, part: DatasetConfig) -> Iterator[tuple[tuple[str, ...], str]]:
    if not part.select and part.where is None:
        return
    from processing.ingest.expressions.compiler import (  # noqa: PLC0415
        ExpressionRefused,
        check_condition,
        check_expression,
    )

    for column, sql in part.select.items():
        try:
            check_expression(sql)
        except ExpressionRefused as error:
            yield ("datasets", name, "select", column), str(error)
    if part.where is not None:
        try:
            check_condition(part.where)
        except ExpressionRefused as error:
            yield ("datasets", name, "where"), str(error)


def _located(document: Document, loc: tuple[int | str, ...], message: str) -> str:
    path = tuple(step for step in loc if step != "[key]")
    line = next((document.lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in document.lines), None)
    where = ".".join(str(step)[:64] for step in path)
    known = {"Extra inputs are not permitted": "there is no such key"}
    shown = known.get(message, message.removeprefix("Value error, "))[:_LONGEST_MESSAGE]
    return f"{f'line {line}: ' if line else ''}{f'{where}: ' if where else ''}{shown}"


def _joined(problems: list[str]) -> str:
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    # A key may hold anything, and the message goes into receipts and documents that people print.
    return printable("; ".join(problems[:_SHOWN])) + more


def _read(lake: BlobStore, info: BlobInfo) -> CustomerConfig | ConfigRefused:
    from processing.stored.config_yaml import LARGEST  # noqa: PLC0415

    if info.unreadable is not None:
        return ConfigRefused(
            f"storage does not let us read the file ({info.unreadable}): move it to the Hot tier, without a key"
        )
    if info.size > LARGEST:
        return ConfigRefused(f"the file has {info.size:,} bytes, more than {LARGEST:,}")
    data = _bytes(lake, info)
    try:
        return parse_config(data)
    except ConfigRefused as error:
        return error


def _bytes(lake: BlobStore, info: BlobInfo) -> bytes:
    # Pinned to the version that was looked at; an empty blob has no range to read.
    if info.size == 0:
        return b""
    return lake.get_range(blob_names.CONFIG_CONTAINER, info.name, etag=info.etag, offset=0, length=info.size)


def _keep(lake: BlobStore, customer: str, info: BlobInfo | None) -> None:
    """Make this version the last good one; ConditionNotMet when the config is another by now."""
    version = _NO_FILE if info is None else info.etag
    copy = blob_names.last_good_config_name(customer)
    for _ in range(_TRIES):
        kept = lake.head(blob_names.STATE_CONTAINER, copy)
        if kept is None and info is None:
            return
        if kept is not None and kept.metadata.get(_VERSION_KEY) == version:
            return
        data = b"" if info is None else _bytes(lake, info)
        now = lake.head(blob_names.CONFIG_CONTAINER, blob_names.config_name(customer))
        if (now.etag if now else None) != (info.etag if info else None):
            raise ConditionNotMet(blob_names.CONFIG_CONTAINER, blob_names.config_name(customer))
        when = IF_ABSENT if kept is None else Condition.unchanged(kept.etag)
        try:
            lake.put(blob_names.STATE_CONTAINER, copy, data, when=when, metadata={_VERSION_KEY: version})
        except ConditionNotMet:
            continue
        return
    raise LaterError(f"the last good config of {customer} changes faster than it can be kept")


def _fall_back(lake: BlobStore, customer: str, version: str, refused: ConfigRefused) -> LoadedConfig:
    found = lake.get(blob_names.STATE_CONTAINER, blob_names.last_good_config_name(customer))
    if found is None:
        problem = (
            f"config version {version} is broken and none before it was good, so that the defaults are in force: {refused}"
        )
        return LoadedConfig(config=CustomerConfig(), version=None, problem=problem)
    data, info = found
    kept = info.metadata.get(_VERSION_KEY, _NO_FILE)
    try:
        config = parse_config(data)
    except ConfigRefused as error:
        raise NoConfigInForce(
            f"config version {version} of {customer} is broken: {refused}; "
            f"this program cannot use version {kept} before it either: {error}"
        ) from error
    problem = f"config version {version} is broken and version {kept} stays in force: {refused}"
    return LoadedConfig(config=config, version=None if kept == _NO_FILE else kept, problem=problem)
