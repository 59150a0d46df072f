"""Blobs of one Azure Storage account, behind the BlobStore port."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobClient, BlobLeaseClient, BlobProperties, BlobServiceClient, ContentSettings

from processing.domain.errors import ConditionNotMet, LaterError, OperatorError
from processing.ports import ARCHIVED, CUSTOMERS_KEY, IF_ABSENT, UNCONDITIONAL, BlobInfo, BlobKind, Condition
from processing.storage.azure_errors import code_of, is_changed, status_of, storage_errors
from processing.storage.blob_metadata import decoded, encoded
from processing.storage.blob_pages import ARCHIVE, KINDS, blobs_below
from processing.storage.blob_rules import content_type, refuse_unaddressable

LARGEST_PUT: Final = 64 * 1024 * 1024
"""Bytes up to which a blob is sent in one request; the SDK's own limit unless a client was told otherwise."""

_BLOCK: Final = 16 * 1024 * 1024
# A blob's `Content-Encoding` is what its writer says of it, often wrongly. By default the SDK unpacks what it is said to be.
_AS_STORED: Final[dict[str, Any]] = {"decompress": False}


class AzureBlobStore:
    """One account. Safe to share between threads; one instance serves a process.

    A request whose answer was lost is sent again by the SDK, so that a conditional write may raise ConditionNotMet
    although it was this very write that took place: whoever must know reads the blob.
    """

    def __init__(self, client: BlobServiceClient, *, largest_put: int = LARGEST_PUT, page: int | None = None) -> None:
        """`page` is how many blobs of a listing are asked for at once; None for as many as the service gives, 5,000."""
        self._client = client
        self._largest_put = largest_put
        self._page = page

    def head(self, container: str, name: str) -> BlobInfo | None:
        """The present version with its metadata, or None when there is no such blob or container."""
        blob = self._blob(container, name)
        with storage_errors(f"look at {container}/{name}"):
            try:
                return _info(name, blob.get_blob_properties())
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if code_of(error) != _NEEDS_KEY:
                    raise
        # A listing tells what the service shows to nobody who has no key.
        listed = next((info for info in self.list_blobs(container, name, metadata=True) if info.name == name), None)
        return None if listed is None else replace(listed, unreadable=CUSTOMERS_KEY)

    def peek(self, container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        """The same as `head`, with the first bytes of that version; none where it is empty, or cannot be read as it is."""
        blob = self._blob(container, name)
        with storage_errors(f"read {container}/{name}"):
            try:
                stream = blob.download_blob(offset=0, length=length, **_AS_STORED)
                data = stream.readall()
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if not is_changed(error) and status_of(error) not in _NOT_READ_AS_IT_IS:
                    raise
            else:
                # The SDK's size is that of the range.
                size = int(str(stream.properties.content_range).rpartition("/")[2])
                info = replace(_info(name, stream.properties), size=size)
                return info, _complete(data, min(length, size), container, name)
        found = self.head(container, name)
        return None if found is None else (found, b"")

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        """All bytes of one version of a small blob and that version with its metadata, or None."""
        blob = self._blob(container, name)
        with storage_errors(f"read {container}/{name}"):
            try:
                stream = blob.download_blob(**_AS_STORED)
                data = stream.readall()
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if is_changed(error):
                    raise LaterError(f"{container}/{name} was changed while it was read") from error
                raise
        info = _info(name, stream.properties)
        return _complete(data, info.size, container, name), info

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length) of the version `etag`, fewer at its end; ConditionNotMet when the version is gone."""
        blob = self._blob(container, name)
        if length <= 0:
            return self._nothing_of(container, name, etag)
        with storage_errors(f"read {container}/{name}"):
            try:
                stream = blob.download_blob(
                    offset=offset,
                    length=length,
                    etag=_quoted(etag),
                    match_condition=MatchConditions.IfNotModified,
                    **_AS_STORED,
                )
                data = stream.readall()
            except ResourceNotFoundError:
                raise ConditionNotMet(container, name) from None
            except HttpResponseError as error:
                if is_changed(error):
                    raise ConditionNotMet(container, name) from None
                if status_of(error) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return self._nothing_of(container, name, etag)
                raise
        # The SDK's size of the stream is that of the range, cut at the end of the version.
        return _complete(data, stream.size, container, name)

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write the blob in one atomic step and return its ETag; ConditionNotMet when `when` does not hold.

        What is too large for one request is sent in blocks, which become the blob all at once.
        """
        blob = self._blob(container, name)
        options: dict[str, Any] = {
            "metadata": encoded(metadata or {}),
            "content_settings": ContentSettings(content_type=content_type(name)),
        }
        if when.absent:
            options["match_condition"] = MatchConditions.IfMissing
        elif when.etag is not None:
            options |= {"etag": _quoted(when.etag), "match_condition": MatchConditions.IfNotModified}
        with _opened(data) as (stream, size), storage_errors(f"write {container}/{name}"):
            try:
                send = _put_at_once if size <= self._largest_put else _put_in_blocks
                answer = send(blob, stream, size, options)
            except AzureError as error:
                if when != UNCONDITIONAL and _lost(error, when):
                    raise ConditionNotMet(container, name) from None
                raise
        return _bare(str(answer["etag"]))

    def start_block_upload(self, container: str, name: str) -> AzureBlockUpload:
        """Begin a new blob that is sent in blocks and committed at once."""
        return AzureBlockUpload(self._blob(container, name), container)

    def delete(self, container: str, name: str, *, when: Condition = UNCONDITIONAL) -> None:
        """Remove the blob, gone already is no error; ConditionNotMet when it is another version than `when` says."""
        blob = self._blob(container, name)
        options: dict[str, Any] = {}
        if when.etag is not None:
            options |= {"etag": _quoted(when.etag), "match_condition": MatchConditions.IfNotModified}
        with storage_errors(f"delete {container}/{name}"):
            try:
                blob.delete_blob(delete_snapshots="include", **options)
            except ResourceNotFoundError:
                return
            except HttpResponseError as error:
                if is_changed(error):
                    raise ConditionNotMet(container, name) from None
                raise

    def list_blobs(self, container: str, prefix: str = "", *, start: str = "", metadata: bool = False) -> Iterator[BlobInfo]:
        """Blobs whose names start with `prefix`, from the name `start` on, in the service's order.

        OperatorError when there is no such container, or the service cannot list it (an unprintable name, no permission).
        """
        with storage_errors(f"list {container}"):
            try:
                client = self._client.get_container_client(container)
                yield from blobs_below(client, prefix, start=start, metadata=metadata, page=self._page)
            except ResourceNotFoundError as error:
                raise OperatorError(f"there is no container {container}: restore it, or add its customer again") from error
            except (DecodeError, HttpResponseError) as error:
                # A name that XML cannot carry makes each try fail alike; a passing fault has other numbers or passes. To the
                # SDK an answer that broke off is one that it cannot decode.
                if isinstance(error, IncompleteReadError):
                    raise
                if isinstance(error, DecodeError) or status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise OperatorError(f"{container} cannot be listed: look for a blob with an unprintable name") from error
                raise

    def list_containers(self, prefix: str = "") -> Iterator[str]:
        """Names of containers that start with `prefix`, in order."""
        with storage_errors("list the containers of the account"):
            for container in self._client.list_containers(prefix or None):
                yield str(container.name)

    def create_container(self, container: str) -> None:
        """Make the container; one that is there already is no error."""
        with storage_errors(f"create the container {container}"):
            try:
                self._client.create_container(container)
            except ResourceExistsError as error:
                if code_of(error) != "ContainerAlreadyExists":
                    raise

    def service_time(self) -> datetime:
        """The service's own clock, UTC, in steps of one second."""
        answers: list[str | None] = []
        # The SDK forgets the hook when it has to ask again because a connection broke: then it is asked once more.
        for _ in range(3):
            with storage_errors("ask storage for its time"):
                # The cheapest request that a data role allows; every answer of the service carries the time.
                pages = self._client.list_containers(
                    results_per_page=1,
                    raw_response_hook=lambda answer: answers.append(answer.http_response.headers.get("Date")),
                ).by_page()
                next(iter(pages), None)
            if answers:
                break
        if not answers or answers[-1] is None:
            raise LaterError("cannot ask storage for its time now: the answer has no date")
        return parsedate_to_datetime(answers[-1]).astimezone(UTC)

    def lease(self, container: str, name: str, *, seconds: int) -> AzureLease | None:
        """Lease an existing blob for 15 to 60 seconds; None while someone else holds it."""
        blob = self._blob(container, name)
        lease = BlobLeaseClient(blob)
        with storage_errors(f"lease {container}/{name}"):
            try:
                lease.acquire(lease_duration=seconds)
            except ResourceExistsError as error:
                if code_of(error) == "LeaseAlreadyPresent":
                    return None
                raise
        return AzureLease(blob, lease.id, f"{container}/{name}")

    def break_lease(self, container: str, name: str) -> None:
        """End at once whatever lease somebody holds on the blob; none, or no such blob, is no error."""
        lease = BlobLeaseClient(self._blob(container, name))
        with storage_errors(f"break the lease of {container}/{name}"):
            try:
                lease.break_lease(lease_break_period=0)
            except HttpResponseError as error:
                if not _is_lost_lease(error):
                    raise

    def _blob(self, container: str, name: str) -> BlobClient:
        refuse_unaddressable(container, name)
        return self._client.get_blob_client(container, name)

    def _nothing_of(self, container: str, name: str, etag: str) -> bytes:
        # The service may look at the range before it looks at the version.
        present = self.head(container, name)
        if present is None or present.etag != etag:
            raise ConditionNotMet(container, name)
        return b""


class AzureBlockUpload:
    """Blocks on their way to become one blob."""

    def __init__(self, blob: BlobClient, container: str) -> None:
        self._blob = blob
        self._container = container
        self._blocks = _Blocks(blob)

    def add(self, data: bytes | Path) -> None:
        """Send the next block."""
        with _opened(data) as (stream, size), storage_errors(f"write {self._container}/{self._blob.blob_name}"):
            self._blocks.stage(stream, size)

    def finish(self) -> None:
        """Make the blocks the blob; ConditionNotMet when there is one of that name already."""
        name = str(self._blob.blob_name)
        with storage_errors(f"write {self._container}/{name}"):
            try:
                self._blocks.commit(
                    {
                        "match_condition": MatchConditions.IfMissing,
                        "content_settings": ContentSettings(content_type=content_type(name)),
                    }
                )
            except AzureError as error:
                if _lost(error, IF_ABSENT):
                    raise ConditionNotMet(self._container, name) from None
                raise


class AzureLease:
    """A lease that this process was given."""

    def __init__(self, blob: BlobClient, lease_id: str, what: str) -> None:
        self._blob = blob
        self._id = lease_id
        self._what = what

    def renew(self) -> bool:
        """Extend the hold by its length; False when someone else has it now."""
        with storage_errors(f"renew the lease of {self._what}"):
            try:
                BlobLeaseClient(self._blob, lease_id=self._id).renew()
            except HttpResponseError as error:
                if _is_lost_lease(error):
                    return False
                raise
        return True

    def release(self) -> None:
        """Give the blob free at once; a lease that was lost already is no error."""
        with storage_errors(f"release the lease of {self._what}"):
            try:
                BlobLeaseClient(self._blob, lease_id=self._id).release()
            except HttpResponseError as error:
                if not _is_lost_lease(error):
                    raise


def _put_at_once(blob: BlobClient, stream: BinaryIO, size: int, options: Mapping[str, Any]) -> Mapping[str, Any]:
    # Overwriting is what the condition among the options says, not the SDK's own word for it.
    return blob.upload_blob(stream, length=size, overwrite=True, **options)


def _put_in_blocks(blob: BlobClient, stream: BinaryIO, size: int, options: Mapping[str, Any]) -> Mapping[str, Any]:
    blocks = _Blocks(blob)
    blocks.stage(stream, size)
    return blocks.commit(options)


class _Blocks:
    """Blocks of one writer. Those not committed yet are shared by all writers of a name: ids of its own keep them apart."""

    def __init__(self, blob: BlobClient) -> None:
        self._blob = blob
        self._attempt = secrets.token_hex(16)
        self._staged: list[BlobBlock] = []

    def stage(self, stream: BinaryIO, size: int) -> None:
        left = size
        while left:
            chunk = stream.read(min(left, _BLOCK))
            if not chunk:
                raise LaterError(f"the file for {self._blob.blob_name} became shorter while it was sent")
            # All ids of a blob must have the same length.
            block = BlobBlock(f"{self._attempt}{len(self._staged):06d}")
            self._blob.stage_block(block.id, chunk, length=len(chunk))
            self._staged.append(block)
            left -= len(chunk)

    def commit(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._blob.commit_block_list(self._staged, **options)


@contextmanager
def _opened(data: bytes | Path) -> Iterator[tuple[BinaryIO, int]]:
    with ExitStack() as stack:
        if isinstance(data, bytes):
            yield BytesIO(data), len(data)
        else:
            file = stack.enter_context(data.open("rb"))
            yield file, os.fstat(file.fileno()).st_size


def _lost(error: AzureError, when: Condition) -> bool:
    if is_changed(error):
        return True
    # Another writer's commit drops everybody's blocks. A blob that is leased is there, whatever else holds of it.
    # A blob to be replaced that is not there any more was changed, too.
    code = code_of(error)
    return code in ("InvalidBlockList", "BlobNotFound") or (when.absent and code == "LeaseIdMissing")


def _is_lost_lease(error: HttpResponseError) -> bool:
    if status_of(error) == HTTPStatus.NOT_FOUND:
        return True
    code = code_of(error)
    return status_of(error) in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED) and bool(code and code.startswith("Lease"))


def _complete(data: bytes, size: int, container: str, name: str) -> bytes:
    if len(data) != size:
        raise LaterError(f"storage sent {len(data)} of {size} bytes of {container}/{name}")
    return data


def _info(name: str, blob: BlobProperties) -> BlobInfo:
    return BlobInfo(
        name=name,
        etag=_bare(str(blob.etag)),
        size=int(blob.size),
        last_modified=blob.last_modified,
        kind=KINDS.get(str(getattr(blob.blob_type, "value", blob.blob_type)), BlobKind.BLOCK),
        content_type=str(blob.content_settings.content_type or ""),
        metadata=decoded(blob.metadata or {}),
        copy_pending=blob.copy is not None and blob.copy.status == "pending",
        unreadable=ARCHIVED if str(getattr(blob.blob_tier, "value", blob.blob_tier)) == ARCHIVE else None,
    )


_NOT_READ_AS_IT_IS: Final = (HTTPStatus.CONFLICT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
"""Archived, under a key of the customer's, or without a first byte."""
_NEEDS_KEY: Final = "BlobUsesCustomerSpecifiedEncryption"


def _bare(etag: str) -> str:
    return etag.strip('"')


def _quoted(etag: str) -> str:
    return f'"{etag}"'
