"""Sessions of the console, and links that sign in: what is signed, for how long it counts, and what ends it.

Both say whose they are and by which key they were opened, and are signed by HMAC-SHA-256 with one of the installation's
signing keys. Whoever reads one asks for that key of the customer again, so that a revoked key ends its sessions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from processing.domain.api_keys import KeyText
from processing.domain.blob_names import is_customer_name
from processing.stored.context import JobContext
from processing.stored.signing_keys import LONGEST_SIGNED, SigningKeys

IDLE: Final = timedelta(hours=1)
"""After which a session ends that is not used."""
_LONGEST: Final = 1_024
"""Characters of a signed text; none is as long."""
_HASH_CHARACTERS: Final = 64


class Purpose(StrEnum):
    """What a signed text is good for; one is never taken for another."""

    SESSION = "session"
    LINK = "link"
    """Signs in, on the machine that printed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who has signed in."""

    key: KeyText
    """The customer, and the key by which it signed in."""
    since: datetime
    until: datetime
    """When it ends unless it is used."""


class Sessions:
    """Makes and reads signed texts; safe to share between threads."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._keys = SigningKeys(context)

    def begin(self, key: KeyText, purpose: Purpose = Purpose.SESSION) -> str:
        """A signed text for the holder of a key, from now on; LaterError when storage is down."""
        return self._signed(key, purpose, self._now())

    def renewed(self, session: Session) -> str | None:
        """The text of a session that goes on, when half of its time is over; None while it need not be renewed."""
        now = self._now()
        if session.until - now > IDLE / 2 or session.until >= session.since + LONGEST_SIGNED:
            return None
        return self._signed(session.key, Purpose.SESSION, session.since)

    def read(self, text: str, purpose: Purpose = Purpose.SESSION) -> Session | None:
        """What a text says that was signed for this purpose and has not ended; None for any other."""
        key_id, _, rest = text.partition(".")
        payload, _, mac = rest.partition(".")
        if len(text) > _LONGEST or not text.isascii() or not mac:
            return None
        key = self._keys.find(key_id)
        if key is None or not hmac.compare_digest(mac, _mac(key.secret_bytes, key_id, payload)):
            return None
        return self._said(payload, purpose)

    def _signed(self, key: KeyText, purpose: Purpose, since: datetime) -> str:
        until = min(self._now() + (IDLE if purpose is Purpose.SESSION else LONGEST_SIGNED), since + LONGEST_SIGNED)
        said = [purpose.value, key.customer, key.sha256, _seconds(since), _seconds(until)]
        payload = _encoded(json.dumps(said).encode())
        signing = self._keys.newest()
        return f"{signing.id}.{payload}.{_mac(signing.secret_bytes, signing.id, payload)}"

    def _said(self, payload: str, purpose: Purpose) -> Session | None:
        """What we signed, whatever program of ours it was."""
        try:
            said: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            named, customer, sha256, since, until = said
            session = Session(
                key=KeyText(customer=str(customer), sha256=str(sha256)), since=_instant(since), until=_instant(until)
            )
        except (ValueError, TypeError, OverflowError, binascii.Error):
            return None
        is_ours = is_customer_name(session.key.customer) and len(session.key.sha256) == _HASH_CHARACTERS
        now = self._now()
        has_ended = now >= session.until or session.since > now + IDLE
        return session if is_ours and named == purpose.value and not has_ended else None

    def _now(self) -> datetime:
        return self._context.clock.now()


def _mac(secret: bytes, key_id: str, payload: str) -> str:
    return _encoded(hmac.digest(secret, f"{key_id}.{payload}".encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def _instant(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
