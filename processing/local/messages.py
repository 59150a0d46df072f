"""Builds the BlobCreated events that Event Grid puts on a storage queue, in both of its schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

LOCAL_ACCOUNT: Final = "devstoreaccount1"
LOCAL_ENDPOINT: Final = "http://127.0.0.1:10000/devstoreaccount1"
_TOPIC = "/subscriptions/{nil}/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/{account}"
_NIL = "00000000-0000-0000-0000-000000000000"


def _new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCreated:
    """One write of a blob, as Event Grid would announce it."""

    container: str
    name: str
    """Name of the blob inside the container, exactly as stored."""
    etag: str
    """Version tag without quotes."""
    size: int
    """Bytes."""
    at: datetime
    """When the blob was written, UTC."""
    sequencer: str
    """Compares as text; a later write of the same blob has a greater one."""
    api: str = "PutBlob"
    """The operation that wrote it."""
    blob_type: str = "BlockBlob"
    content_type: str = "application/octet-stream"
    account: str = LOCAL_ACCOUNT
    endpoint: str = LOCAL_ENDPOINT
    """Address of the account, without a slash at its end."""
    event_id: str = field(default_factory=_new_id)

    def event_grid(self) -> dict[str, Any]:
        """The event in the Event Grid schema."""
        return {
            "topic": self._topic,
            "subject": self._subject,
            "eventType": "Microsoft.Storage.BlobCreated",
            "id": self.event_id,
            "data": self._data(),
            "dataVersion": "",
            "metadataVersion": "1",
            "eventTime": self.at.isoformat(),
        }

    def cloud_event(self) -> dict[str, Any]:
        """The same event in the CloudEvents 1.0 schema."""
        return {
            "source": self._topic,
            "subject": self._subject,
            "type": "Microsoft.Storage.BlobCreated",
            "id": self.event_id,
            "time": self.at.isoformat(),
            "specversion": "1.0",
            "data": self._data(),
        }

    @property
    def _topic(self) -> str:
        return _TOPIC.format(nil=_NIL, account=self.account)

    @property
    def _subject(self) -> str:
        return f"/blobServices/default/containers/{self.container}/blobs/{self.name}"

    def _data(self) -> dict[str, Any]:
        return {
            "api": self.api,
            "clientRequestId": _new_id(),
            "requestId": _new_id(),
            "eTag": self.etag,
            "contentType": self.content_type,
            "contentLength": self.size,
            "blobType": self.blob_type,
            "url": f"{self.endpoint}/{self.container}/{quote(self.name, safe='/', errors='surrogatepass')}",
            "sequencer": self.sequencer,
            "storageDiagnostics": {"batchId": _new_id()},
        }


def message_body(event: Mapping[str, Any]) -> str:
    """The event as the text of a queue message; ASCII, because a message travels in XML and a name may hold anything."""
    return json.dumps(event)
