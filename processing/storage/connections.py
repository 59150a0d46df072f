"""Opens one storage account, by connection string or by identity, for the SDK's clients and for Delta."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.blob import ExponentialRetry as BlobRetry

from processing.domain.errors import OperatorError
from processing.storage import emulator
from processing.storage.azure_blob import LARGEST_PUT
from processing.storage.azure_errors import storage_errors

if TYPE_CHECKING:
    from azure.storage.queue import QueueServiceClient

_MEBI: Final = 1024 * 1024
_SCOPE: Final = "https://storage.azure.com/.default"
# Waits of about 1, 3 and 5 seconds: beyond that a queue or a timer tries again with more patience than a request has.
_TRIES: Final[Mapping[str, Any]] = {"initial_backoff": 1, "increment_base": 2, "retry_total": 3, "random_jitter_range": 1}
_TIMEOUTS: Final[Mapping[str, Any]] = {"connection_timeout": 20, "read_timeout": 60}
# Somebody waits for the answer, who is told to come again rather than kept: two requests in a row are over in ten seconds.
_QUICK_TRIES: Final[Mapping[str, Any]] = {"initial_backoff": 0, "increment_base": 1, "retry_total": 1, "random_jitter_range": 0}
_QUICK_TIMEOUTS: Final[Mapping[str, Any]] = {"connection_timeout": 2, "read_timeout": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How one storage account is reached: a connection string, else addresses and the identity of this program."""

    connection_string: str | None = field(default=None, repr=False)
    blob_service_uri: str | None = None
    queue_service_uri: str | None = None
    client_id: str | None = None
    """Of a user-assigned managed identity; None for whatever identity there is."""
    is_quick: bool = False
    """Whether it gives up within seconds, for those who have somebody waiting."""

    def blob_service(self) -> BlobServiceClient:
        """A client for the account's blobs; one serves all threads."""
        options: dict[str, Any] = {
            "retry_policy": BlobRetry(**self._tries),
            "max_single_get_size": 16 * _MEBI,
            "max_chunk_get_size": 16 * _MEBI,
            "max_single_put_size": LARGEST_PUT,
            **self._timeouts,
        }
        if self.connection_string:
            with _readable():
                return BlobServiceClient.from_connection_string(self.connection_string, **options)
        return BlobServiceClient(
            _address(self.blob_service_uri, "blobServiceUri"), credential=_credential(self.client_id), **options
        )

    def queue_service(self) -> QueueServiceClient:
        """A client for the account's queues; one serves all threads."""
        from azure.storage.queue import ExponentialRetry, QueueServiceClient  # noqa: PLC0415 - not for those who only look

        options: dict[str, Any] = {"retry_policy": ExponentialRetry(**self._tries), **self._timeouts}
        if self.connection_string:
            with _readable():
                return QueueServiceClient.from_connection_string(self.connection_string, **options)
        return QueueServiceClient(
            _address(self.queue_service_uri, "queueServiceUri"), credential=_credential(self.client_id), **options
        )

    @property
    def _tries(self) -> Mapping[str, Any]:
        return _QUICK_TRIES if self.is_quick else _TRIES

    @property
    def _timeouts(self) -> Mapping[str, Any]:
        return _QUICK_TIMEOUTS if self.is_quick else _TIMEOUTS

    def delta_options(self) -> dict[str, str]:
        """The storage options of deltalake for this account; with an identity they hold a token, so ask anew each time."""
        if self.connection_string:
            return _delta_options(_parts(self.connection_string))
        address = _address(self.blob_service_uri, "blobServiceUri")
        return {
            "account_name": (urlsplit(address).hostname or "").partition(".")[0],
            "endpoint": address,
            "bearer_token": self.token(),
        }

    def token(self) -> str:
        """A bearer token of this program's identity for storage; for connections without a connection string."""
        with storage_errors(f"open {self.blob_service_uri}"):
            return _credential(self.client_id).get_token(_SCOPE).token


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ValueError:
        # Never the string itself: it holds a key.
        raise OperatorError("a storage connection string is not readable: copy it from the account again") from None


def _address(uri: str | None, setting: str) -> str:
    if not uri:
        raise OperatorError(f"no address of the storage account: set a connection string or {setting}")
    return uri


@cache
def _credential(client_id: str | None) -> TokenCredential:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415 - not for those with a key

    # One for all clients: it keeps the tokens that it was given until they are about to end.
    return ManagedIdentityCredential(client_id=client_id) if client_id else DefaultAzureCredential()


def _parts(connection_string: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in connection_string.strip().split(";") if part)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _delta_options(parts: Mapping[str, str]) -> dict[str, str]:
    if parts.get("usedevelopmentstorage") == "true":
        return _with_key(emulator.ACCOUNT, emulator.KEY, emulator.BLOB_ENDPOINT)
    account = parts.get("accountname", "")
    suffix = parts.get("endpointsuffix", "core.windows.net")
    protocol = parts.get("defaultendpointsprotocol", "https")
    endpoint = parts.get("blobendpoint") or f"{protocol}://{account}.blob.{suffix}"
    if "accountkey" in parts:
        return _with_key(account, parts["accountkey"], endpoint)
    if "sharedaccesssignature" in parts:
        name = account or (urlsplit(endpoint).hostname or "").partition(".")[0]
        return {"account_name": name, "endpoint": endpoint, "sas_token": parts["sharedaccesssignature"]}
    raise OperatorError("a storage connection string has neither AccountKey nor SharedAccessSignature")


def _with_key(account: str, key: str, endpoint: str) -> dict[str, str]:
    options = {"account_name": account, "account_key": key, "endpoint": endpoint.rstrip("/")}
    return {**options, "allow_http": "true"} if endpoint.startswith("http://") else options
