"""The keys of the HTTP doors: one small blob a customer, changed by conditional writes (contract section 7, keys).

A process goes by what it read of a customer's keys for half a minute, so that a revoked key opens nothing after a minute and
a call costs no request. What it remembers is bounded, whoever asks and for whom.
"""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.api_keys import ApiKey, ApiKeys, KeyText, Scope, hash_of, new_key
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError, OperatorError
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.customers import expect_customer
from processing.stored.tries import tries

KEEP: Final = timedelta(seconds=30)
"""How long a process goes by what it read."""
_AGAIN: Final = timedelta(seconds=5)
"""How soon it reads a customer's keys again for one that is not among them."""
_MOST_CUSTOMERS: Final = 4_096
_MOST_KEYS: Final = 100
"""Of one customer, those that were revoked among them."""
_LONGEST_NAME: Final = 127
_MOST_USES: Final = 10_000
"""Keys whose use of today waits to be written."""

_log = structlog.get_logger()


def create_key(context: JobContext, customer: str, scopes: Iterable[Scope], name: str = "") -> tuple[str, ApiKey]:
    """A new key and what is kept of it; the key itself cannot be had again.

    Raises OperatorError for a customer that is not there, no scope, too long a name, and too many keys.
    """
    expect_customer(context, customer)
    wanted = tuple(scope for scope in Scope if scope in set(scopes))
    if not wanted:
        raise OperatorError(f"a key without a scope opens nothing: name some of {', '.join(Scope)}")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise OperatorError(f"the name of a key has at most {_LONGEST_NAME} printable characters")
    text = new_key(customer)
    key = ApiKey(sha256=hash_of(text), scopes=wanted, name=name, created=context.drop.service_time())

    def added(present: ApiKeys) -> ApiKeys:
        kept = present.keys
        if len(kept) >= _MOST_KEYS:
            kept = tuple(each for each in kept if each.revoked is None)
        if len(kept) >= _MOST_KEYS:
            raise OperatorError(f"{customer} has {_MOST_KEYS} keys: revoke one first")
        return replace(present, keys=(*kept, key))

    _change(context, customer, added)
    _log.info("key_created", customer=customer, key=key.id, scopes=[scope.value for scope in wanted])
    return text, key


def list_keys(context: JobContext, customer: str) -> tuple[ApiKey, ...]:
    """The keys of a customer in the order in which they were made; OperatorError for one that is not there."""
    expect_customer(context, customer)
    return _read(context, customer)[0].keys


def revoke_key(context: JobContext, customer: str, key_id: str) -> ApiKey:
    """Have a key open nothing any more, within a minute in every process; one that is revoked stays so.

    OperatorError when no key of the customer begins so, or several do.
    """
    expect_customer(context, customer)
    now = context.drop.service_time()
    found: list[ApiKey] = []

    def revoked(present: ApiKeys) -> ApiKeys:
        named = [key for key in present.keys if key_id and key.sha256.startswith(key_id)]
        if len(named) != 1:
            raise OperatorError(f"{customer} has {'no key' if not named else 'several keys'} {key_id}: see dropzone key list")
        found[:] = [replace(named[0], revoked=named[0].revoked or now)]
        return replace(present, keys=tuple(found[0] if key is named[0] else key for key in present.keys))

    _change(context, customer, revoked)
    _log.info("key_revoked", customer=customer, key=found[0].id)
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    at: datetime
    keys: tuple[ApiKey, ...]


class Keys:
    """Finds who holds a key; safe to share between threads."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._used: dict[tuple[str, str], ApiKey] = {}
        self._lock = threading.Lock()

    def find(self, text: KeyText, *, may_ask: Callable[[], bool] = lambda: True) -> ApiKey | None:
        """The key that opens something and is written so; None for one that nobody made, or that was revoked.

        Where its customer's keys must be read for it, `may_ask` is asked first. Raises LaterError when storage is down.
        """
        found = _among(self._of(text.customer, may_ask, KEEP), text)
        if found is None:
            # It may have been made since.
            found = _among(self._of(text.customer, may_ask, _AGAIN), text)
        if found is not None:
            self._note_use(text.customer, found)
        return found

    def write_uses(self) -> int:
        """Store on which day keys were used; returns of how many. What cannot be written is tried with the next use."""
        with self._lock:
            used, self._used = self._used, {}
        today = self._context.clock.now().date()
        for customer in {customer for customer, _ in used}:
            hashes = {sha256 for own, sha256 in used if own == customer}
            try:
                _change(self._context, customer, lambda present, hashes=hashes: _with_use(present, hashes, today))  # type: ignore[misc]
            except DropzoneError as error:
                _log.warning("key_use_not_written", customer=customer, error=type(error).__name__)
        return len(used)

    def _of(self, customer: str, may_ask: Callable[[], bool], keep: timedelta) -> tuple[ApiKey, ...]:
        now = self._context.clock.now()
        with self._lock:
            seen = self._seen.get(customer)
            if seen is not None and timedelta() <= now - seen.at < keep:
                self._seen.move_to_end(customer)
                return seen.keys
        if not may_ask():
            return ()
        keys = _read(self._context, customer)[0].keys
        with self._lock:
            self._seen[customer] = _Seen(at=now, keys=keys)
            self._seen.move_to_end(customer)
            while len(self._seen) > _MOST_CUSTOMERS:
                self._seen.popitem(last=False)
        return keys

    def _note_use(self, customer: str, key: ApiKey) -> None:
        if key.last_used == self._context.clock.now().date():
            return
        with self._lock:
            if len(self._used) < _MOST_USES:
                self._used[customer, key.sha256] = key


def _among(keys: Iterable[ApiKey], text: KeyText) -> ApiKey | None:
    found = None
    for key in keys:
        # Every one is compared whole, so that time tells nothing.
        if hmac.compare_digest(key.sha256, text.sha256) and key.revoked is None:
            found = key
    return found


def _with_use(present: ApiKeys, hashes: set[str], today: object) -> ApiKeys:
    return replace(
        present,
        keys=tuple(replace(key, last_used=today) if key.sha256 in hashes else key for key in present.keys),  # type: ignore[arg-type]
    )


def _read(context: JobContext, customer: str) -> tuple[ApiKeys, str | None]:
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.keys_name(customer))
    return (ApiKeys(), None) if found is None else (from_json(ApiKeys, found[0]), found[1].etag)


def _change(context: JobContext, customer: str, change: Callable[[ApiKeys], ApiKeys]) -> None:
    for _ in tries(context):
        present, etag = _read(context, customer)
        changed = change(present)
        if changed == present:
            return
        when = IF_ABSENT if etag is None else Condition.unchanged(etag)
        try:
            context.lake.put(blob_names.STATE_CONTAINER, blob_names.keys_name(customer), to_json(changed), when=when)
        except ConditionNotMet:
            continue
        return
    raise LaterError(f"the keys of {customer} change faster than they can be written")
