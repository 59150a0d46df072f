"""Blobs of Azure Storage, or of its emulator, behind the storage port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, unquote

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobLeaseClient, BlobProperties, BlobServiceClient, ContentSettings

from processing.domain.errors import ConditionNotMet, LaterError, OperatorError
from processing.ports import ALWAYS, BlobInfo, BlobKind, When
from processing.storage.azure_errors import error_code, translated

_KINDS: Final = {"BlockBlob": BlobKind.BLOCK, "AppendBlob": BlobKind.APPEND, "PageBlob": BlobKind.PAGE}
_TYPES: Final = {".json": "application/json", ".ndjson": "application/x-ndjson"}
_LEASE_HELD: Final = frozenset({"LeaseAlreadyPresent", "LeaseIdMismatchWithLeaseOperation"})
_LEASE_LOST: Final = frozenset(
    {"LeaseIdMismatchWithLeaseOperation", "LeaseNotPresentWithLeaseOperation", "LeaseIsBrokenAndCannotBeRenewed"}
)
_CONTAINER_THERE: Final = "ContainerAlreadyExists"
_SERVER_ERROR: Final = 500


class AzureBlobStore:
    """The blobs of one account; one instance serves all threads of a process."""

    def __init__(self, client: BlobServiceClient) -> None:
        self._client = client

    def head(self, container: str, name: str) -> BlobInfo | None:
        """The present version, or None."""
        with translated("look at", container, name):
            try:
                return _info(self._blob(container, name).get_blob_properties())
            except ResourceNotFoundError:
                return None

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        """All bytes of one version, pinned by the SDK over several ranges, and that version."""
        with translated("read", container, name):
            try:
                download = self._blob(container, name).download_blob()
            except ResourceNotFoundError:
                return None
            data = download.readall()
        info = _info(download.properties)
        if len(data) != info.size:
            raise LaterError(f"could not read {container}/{name}: {len(data):,} of {info.size:,} bytes arrived")
        return data, info

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        """Bytes of the version `etag`; a body that arrives short is an error, never a short answer."""
        with translated("read", container, name):
            try:
                download = self._blob(container, name).download_blob(
                    offset=offset, length=length, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            except ResourceNotFoundError as error:
                raise ConditionNotMet(container, name) from error
            data: bytes = download.readall()
        wanted = min(length, max(_total_size(download.properties) - offset, 0))
        if len(data) != wanted:
            raise LaterError(f"could not read {container}/{name}: {len(data):,} of {wanted:,} bytes arrived")
        return data

    def put(
        self, container: str, name: str, data: bytes | Path, *, when: When = ALWAYS, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write the blob, in one request while it is smaller than 64 MiB."""
        options: dict[str, Any] = {
            "content_settings": ContentSettings(content_type=_TYPES.get(Path(name).suffix, "application/octet-stream")),
            "metadata": {key: quote(value, safe="") for key, value in metadata.items()} if metadata else None,
            "overwrite": not when.absent,
        }
        if when.etag is not None:
            options |= {"etag": when.etag, "match_condition": MatchConditions.IfNotModified}
        with translated("write", container, name):
            try:
                if isinstance(data, bytes):
                    return self._upload(container, name, data, len(data), options)
                with data.open("rb") as file:
                    return self._upload(container, name, file, data.stat().st_size, options)
            except ResourceNotFoundError as error:
                if when.etag is not None:
                    raise ConditionNotMet(container, name) from error
                raise

    def delete(self, container: str, name: str) -> None:
        """Remove the blob if it is there."""
        with translated("delete", container, name):
            try:
                self._blob(container, name).delete_blob()
            except ResourceNotFoundError:
                return

    def list_blobs(self, container: str, prefix: str = "", *, metadata: bool = False) -> Iterator[BlobInfo]:
        """Blobs by name, page by page."""
        include = ["metadata", "copy"] if metadata else None
        pages = self._client.get_container_client(container).list_blobs(name_starts_with=prefix or None, include=include)
        try:
            with translated("list", container):
                for properties in pages:
                    yield _info(properties)
        except LaterError as error:
            cause = error.__cause__
            if isinstance(cause, ResourceNotFoundError):
                return
            if isinstance(cause, HttpResponseError) and cause.status_code == _SERVER_ERROR:
                raise OperatorError(
                    f"container {container} cannot be listed: the service answers {_SERVER_ERROR}, perhaps for a name in it"
                ) from error
            raise

    def list_containers(self, prefix: str = "") -> Iterator[str]:
        """Names of containers."""
        with translated("list", "the account's containers"):
            for properties in self._client.list_containers(name_starts_with=prefix or None):
                yield str(properties.name)

    def create_container(self, container: str) -> None:
        """Make the container if it is not there."""
        with translated("create", container):
            try:
                self._client.create_container(container)
            except ResourceExistsError as error:
                if error_code(error) != _CONTAINER_THERE:
                    raise

    def service_time(self) -> datetime:
        """The Date header of the service's answer to a small request."""
        dates: list[str] = []
        with translated("ask the time of", "the account"):
            next(
                iter(
                    self._client.list_containers(
                        results_per_page=1, raw_response_hook=lambda answer: dates.append(answer.http_response.headers["Date"])
                    ).by_page()
                )
            )
        return parsedate_to_datetime(dates[-1]).astimezone(UTC)

    def lease(self, container: str, name: str, *, seconds: int) -> _AzureLease | None:
        """Lease the blob unless somebody holds it."""
        with translated("lease", container, name):
            try:
                return _AzureLease(self._blob(container, name).acquire_lease(lease_duration=seconds), container, name)
            except HttpResponseError as error:
                if error_code(error) in _LEASE_HELD:
                    return None
                raise

    def _blob(self, container: str, name: str) -> BlobClient:
        return self._client.get_blob_client(container, name)

    def _upload(self, container: str, name: str, data: bytes | IO[bytes], size: int, options: dict[str, Any]) -> str:
        return _bare(self._blob(container, name).upload_blob(data, length=size, **options)["etag"])


class _AzureLease:
    def __init__(self, client: BlobLeaseClient, container: str, name: str) -> None:
        self._client = client
        self._container = container
        self._name = name

    def renew(self) -> bool:
        """Extend the hold; False when it is lost or was given back."""
        if not self._client.id:
            return False
        with translated("renew the lease of", self._container, self._name):
            try:
                self._client.renew()
            except HttpResponseError as error:
                if error_code(error) in _LEASE_LOST:
                    return False
                raise
        return True

    def release(self) -> None:
        """Give the blob free."""
        if not self._client.id:
            return
        with translated("release the lease of", self._container, self._name):
            try:
                self._client.release()
            except ResourceNotFoundError:
                return
            except HttpResponseError as error:
                if error_code(error) not in _LEASE_LOST:
                    raise


def _info(properties: BlobProperties) -> BlobInfo:
    return BlobInfo(
        name=properties.name,
        etag=_bare(properties.etag),
        size=_total_size(properties),
        last_modified=properties.last_modified.astimezone(UTC),
        kind=_KINDS[getattr(properties.blob_type, "value", properties.blob_type)],
        metadata={key.lower(): unquote(value) for key, value in (properties.metadata or {}).items()},
        copy_pending=properties.copy.status == "pending" if properties.copy else False,
    )


def _total_size(properties: BlobProperties) -> int:
    # Of a ranged answer `size` is the length of the range; the whole stands behind the slash of Content-Range.
    if properties.content_range:
        return int(properties.content_range.rpartition("/")[2])
    return int(properties.size)


def _bare(etag: str) -> str:
    return etag.strip('"')
