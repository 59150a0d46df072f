"""Append blobs of one Azure Storage account, behind the AppendBlobs port."""

from __future__ import annotations

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings

from processing.domain.errors import ConditionNotMet
from processing.storage.azure_errors import code_of, is_changed, storage_errors
from processing.storage.blob_rules import content_type, refuse_unaddressable

SEALED = "sealed"
"""The metadata of a blob that nobody makes longer any more."""


class AzureAppendBlobs:
    """One account. Safe to share between threads."""

    def __init__(self, client: BlobServiceClient) -> None:
        self._client = client

    def create(self, container: str, name: str) -> str:
        """Begin an empty blob and return its ETag; ConditionNotMet when there is one of that name."""
        blob, settings = self._blob(container, name), ContentSettings(content_type=content_type(name))
        with storage_errors(f"begin {container}/{name}"):
            try:
                answer = blob.create_append_blob(content_settings=settings, match_condition=MatchConditions.IfMissing)
            except HttpResponseError as error:
                if is_changed(error):
                    raise ConditionNotMet(container, name) from None
                raise
        return str(answer["etag"]).strip('"')

    def append(self, container: str, name: str, data: bytes, *, at: int, etag: str) -> str:
        """Add bytes at a position to a version and return the new ETag; ConditionNotMet when either is another one."""
        blob = self._blob(container, name)
        with storage_errors(f"append to {container}/{name}"):
            try:
                answer = blob.append_block(
                    data,
                    length=len(data),
                    appendpos_condition=at,
                    etag=f'"{etag}"',
                    match_condition=MatchConditions.IfNotModified,
                )
            except HttpResponseError as error:
                if is_changed(error) or code_of(error) == "BlobNotFound":
                    raise ConditionNotMet(container, name) from None
                raise
        return str(answer["etag"]).strip('"')

    def seal(self, container: str, name: str) -> bool:
        """Make it another version, marked as sealed; False when it is not there."""
        blob = self._blob(container, name)
        with storage_errors(f"seal {container}/{name}"):
            try:
                blob.set_blob_metadata({SEALED: "1"})
            except ResourceNotFoundError as error:
                if code_of(error) == "BlobNotFound":
                    return False
                raise
        return True

    def _blob(self, container: str, name: str) -> BlobClient:
        refuse_unaddressable(container, name)
        return self._client.get_blob_client(container, name)
