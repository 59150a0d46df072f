"""What sessions of the console are signed with: a few random keys in one blob, of which the newest signs (contract section 12).

Every process goes by what it read for half a minute. Deleting the blob ends every session of the installation.
"""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from processing.domain import blob_names
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, LaterError
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.tries import tries

ROTATE: Final = timedelta(days=7)
"""How long a key signs."""
LONGEST_SIGNED: Final = timedelta(hours=12)
"""For how long what a key has signed may count: so much longer it is kept than it signs."""
_KEEP: Final = timedelta(seconds=30)
_AGAIN: Final = timedelta(seconds=1)
"""How soon the keys are read again for one that is not among them."""
_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One of them."""

    id: str
    secret: str
    """32 random bytes as unpadded base64url."""
    created: datetime
    """By the storage service's clock."""

    @property
    def secret_bytes(self) -> bytes:
        """The secret itself."""
        return base64.urlsafe_b64decode(self.secret + "=")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKeys:
    """All of them, as they are stored."""

    keys: tuple[SigningKey, ...] = ()
    """The newest last."""


class SigningKeys:
    """Those of the installation; safe to share between threads. Every method raises LaterError when storage is down."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._seen: tuple[datetime, StoredKeys] | None = None

    def newest(self) -> SigningKey:
        """The one that signs; it is made, and very old ones are left out, where it is due."""
        now = self._context.clock.now()
        present = self._read(_KEEP)
        if present.keys and now - present.keys[-1].created < ROTATE:
            return present.keys[-1]
        return self._rotated(now).keys[-1]

    def find(self, key_id: str) -> SigningKey | None:
        """The one of this id, None when there is none or it has been left out."""
        for keep in (_KEEP, _AGAIN):
            for key in self._read(keep).keys:
                if key.id == key_id:
                    return key
        return None

    def _read(self, keep: timedelta) -> StoredKeys:
        now = self._context.clock.now()
        with self._lock:
            if self._seen is not None and timedelta() <= now - self._seen[0] < keep:
                return self._seen[1]
        return self._remember(now, self._load()[0])

    def _rotated(self, now: datetime) -> StoredKeys:
        for _ in tries(self._context):
            present, etag = self._load()
            if present.keys and now - present.keys[-1].created < ROTATE:
                return self._remember(now, present)
            added = SigningKey(
                id=secrets.token_hex(_ID_BYTES),
                secret=secrets.token_urlsafe(_SECRET_BYTES),
                created=self._context.lake.service_time(),
            )
            kept = (key for key in present.keys if now - key.created < ROTATE + LONGEST_SIGNED)
            changed = replace(present, keys=(*kept, added))
            when = IF_ABSENT if etag is None else Condition.unchanged(etag)
            try:
                self._context.lake.put(blob_names.STATE_CONTAINER, blob_names.signing_keys_name(), to_json(changed), when=when)
            except ConditionNotMet:
                continue
            return self._remember(now, changed)
        raise LaterError("the keys that sign sessions change faster than they can be written")

    def _remember(self, now: datetime, keys: StoredKeys) -> StoredKeys:
        with self._lock:
            self._seen = (now, keys)
        return keys

    def _load(self) -> tuple[StoredKeys, str | None]:
        found = self._context.lake.get(blob_names.STATE_CONTAINER, blob_names.signing_keys_name())
        return (StoredKeys(), None) if found is None else (from_json(StoredKeys, found[0]), found[1].etag)
