"""From a connection to clients: a connection string on this machine, an identity in Azure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ExponentialRetry
from azure.storage.queue import ExponentialRetry as QueueRetry
from azure.storage.queue import QueueServiceClient

from processing.domain.errors import OperatorError

_STORAGE_SCOPE: Final = "https://storage.azure.com/.default"
_ATOMIC_PUT: Final = 64 * 1024 * 1024
_RANGE: Final = 16 * 1024 * 1024
_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 60
_DEVELOPMENT: Final = "UseDevelopmentStorage=true"
# The account and key that every emulator has; they are published and protect nothing.
_EMULATOR_ACCOUNT: Final = "devstoreaccount1"
_EMULATOR_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One storage account and how to reach it."""

    connection_string: str | None = field(default=None, repr=False)
    """With a key: for the emulator. `UseDevelopmentStorage=true` is the emulator on its usual ports."""
    blob_service_uri: str | None = None
    """With an identity: https://<account>.blob.core.windows.net."""
    queue_service_uri: str | None = None
    client_id: str | None = None
    """Of a user-assigned identity; None for whatever identity the machine offers."""

    def blob_service(self) -> BlobServiceClient:
        """A client for blobs; safe to share among threads."""
        options: dict[str, Any] = {
            "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=4, random_jitter_range=1),
            "max_single_put_size": _ATOMIC_PUT,
            "max_single_get_size": _RANGE,
            "max_chunk_get_size": _RANGE,
            "connection_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
        }
        if self.connection_string:
            return BlobServiceClient.from_connection_string(self._full_string, **options)
        return BlobServiceClient(self._address(self.blob_service_uri), credential=self.credential, **options)

    def queue_service(self) -> QueueServiceClient:
        """A client for queues; safe to share among threads."""
        options: dict[str, Any] = {
            "retry_policy": QueueRetry(initial_backoff=1, increment_base=2, retry_total=4, random_jitter_range=1),
            "connection_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
        }
        if self.connection_string:
            return QueueServiceClient.from_connection_string(self._full_string, **options)
        return QueueServiceClient(self._address(self.queue_service_uri), credential=self.credential, **options)

    def delta_options(self) -> dict[str, str]:
        """What deltalake and Polars need to reach the account; a token in it is good for about an hour."""
        if not self.connection_string:
            address = self._address(self.blob_service_uri)
            account = address.removeprefix("https://").partition(".")[0]
            return {"account_name": account, "bearer_token": self.credential.get_token(_STORAGE_SCOPE).token}
        parts = dict(part.partition("=")[::2] for part in self._full_string.split(";") if part)
        options = {"account_name": parts["AccountName"], "account_key": parts["AccountKey"]}
        endpoint = parts.get("BlobEndpoint")
        if endpoint:
            options["endpoint"] = endpoint.rstrip("/")
            options["allow_http"] = "true" if endpoint.startswith("http://") else "false"
        return options

    @cached_property
    def credential(self) -> TokenCredential:
        """The identity of this process."""
        return ManagedIdentityCredential(client_id=self.client_id) if self.client_id else DefaultAzureCredential()

    @property
    def _full_string(self) -> str:
        text = self.connection_string or ""
        if text.strip().rstrip(";").lower() != _DEVELOPMENT.lower():
            return text
        ports = {"Blob": 10000, "Queue": 10001, "Table": 10002}
        endpoints = ";".join(f"{each}Endpoint=http://127.0.0.1:{port}/{_EMULATOR_ACCOUNT}" for each, port in ports.items())
        return f"DefaultEndpointsProtocol=http;AccountName={_EMULATOR_ACCOUNT};AccountKey={_EMULATOR_KEY};{endpoints}"

    def _address(self, uri: str | None) -> str:
        if not uri:
            raise OperatorError("a storage connection has neither a connection string nor a service address")
        return uri
