"""The settings of an installation, from the environment alone (contract section 10)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from processing.domain.errors import OperatorError

_ORIGIN: Final = r"https?://[a-z0-9.-]+(:[0-9]+)?"


class Settings(BaseSettings):
    """Every setting that the program reads.

    A storage account is named as Functions names it: a connection string locally, or the addresses of its services with
    an identity in Azure.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    drop_connection: str | None = Field(None, validation_alias="DROP_STORAGE", repr=False)
    drop_blob_uri: str | None = Field(None, validation_alias="DROP_STORAGE__blobServiceUri")
    drop_client_id: str | None = Field(None, validation_alias="DROP_STORAGE__clientId")
    lake_connection: str | None = Field(None, validation_alias="LAKE_STORAGE", repr=False)
    lake_blob_uri: str | None = Field(None, validation_alias="LAKE_STORAGE__blobServiceUri")
    lake_client_id: str | None = Field(None, validation_alias="LAKE_STORAGE__clientId")
    results_connection: str | None = Field(None, validation_alias="RESULTS_STORAGE", repr=False)
    """Of the account of results; where neither this nor an address is set, results lie in the lake."""
    results_blob_uri: str | None = Field(None, validation_alias="RESULTS_STORAGE__blobServiceUri")
    results_client_id: str | None = Field(None, validation_alias="RESULTS_STORAGE__clientId")
    host_connection: str | None = Field(None, validation_alias="AzureWebJobsStorage", repr=False)
    host_queue_uri: str | None = Field(None, validation_alias="AzureWebJobsStorage__queueServiceUri")
    host_client_id: str | None = Field(None, validation_alias="AzureWebJobsStorage__clientId")

    telemetry: str | None = Field(None, validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING", repr=False)
    """Connection string of Application Insights; without one nothing is told. Its identity is the host's own setting,
    `APPLICATIONINSIGHTS_AUTHENTICATION_STRING`, which the exporter reads too."""

    day_zone: str = Field("PST", validation_alias="DROPZONE_DAY_ZONE")
    """`PST` (UTC-8 all year) or an IANA zone name."""
    settle_seconds: float = Field(60, ge=0, validation_alias="DROPZONE_SETTLE_SECONDS")
    """How long after it was written a marker takes effect."""
    first_day_wait_seconds: float = Field(3_600, ge=0, validation_alias="DROPZONE_FIRST_DAY_WAIT_SECONDS")
    """How old a stream's markers must be before its first day is fixed."""
    first_day_window_days: int = Field(28, ge=1, validation_alias="DROPZONE_FIRST_DAY_WINDOW_DAYS")
    """How many days back the first day is looked for."""
    sweep_grace_seconds: float = Field(120, ge=0, validation_alias="DROPZONE_SWEEP_GRACE_SECONDS")
    """How old an upload without an answer must be before the sweep announces it."""
    attempt_seconds: float = Field(1_200, gt=0, validation_alias="DROPZONE_ATTEMPT_SECONDS")
    """How long one attempt at an upload or a day may take; a file that needs longer is refused, a day fails."""
    files_at_a_time: int = Field(8, ge=1, le=32, validation_alias="DROPZONE_FILES_AT_A_TIME")
    """How many small uploads an instance works on at once; 1: each alone."""
    small_file_bytes: int = Field(8 * 1024 * 1024, ge=1, validation_alias="DROPZONE_SMALL_FILE_BYTES")
    """Bytes as uploaded that those may have together; a larger upload is worked on alone."""
    compare_seconds: float = Field(3_600, ge=0, validation_alias="DROPZONE_COMPARE_SECONDS")
    """How often published days are compared with the rows in force, so that late rows are seen."""
    remember_seconds: float = Field(60, ge=0, le=600, validation_alias="DROPZONE_REMEMBER_SECONDS")
    """How long a process goes by a customer's config, and by what is known of its streams, before it asks again."""
    reconcile_days: float = Field(7, gt=0, validation_alias="DROPZONE_RECONCILE_DAYS")
    """How often everything is listed again though nothing asks for it, so that what was lost or restored is seen."""
    marker_margin_seconds: float = Field(3_600, ge=0, validation_alias="DROPZONE_MARKER_MARGIN_SECONDS")
    """How much later than its habit a marker may be before it counts as late."""
    keep_uploads_days: int = Field(30, ge=1, validation_alias="DROPZONE_KEEP_UPLOADS_DAYS")
    """Days after which uploads that are answered are deleted."""
    keep_rejected_days: int = Field(30, ge=1, validation_alias="DROPZONE_KEEP_REJECTED_DAYS")
    """Days after which rejected rows are deleted."""
    keep_receipts_days: int = Field(400, ge=1, validation_alias="DROPZONE_KEEP_RECEIPTS_DAYS")
    """Days after which receipts of uploads that are gone are deleted."""
    keep_staged_days: int = Field(60, ge=1, validation_alias="DROPZONE_KEEP_STAGED_DAYS")
    """Days after a published day for which its staged rows are kept, so that it can be processed again."""
    keep_delta_days: int = Field(30, ge=1, validation_alias="DROPZONE_KEEP_DELTA_DAYS")
    """Days for which older versions of the Delta tables can be read."""
    operator_tenant: str = Field(
        "", pattern=r"^$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", validation_alias="DROPZONE_OPERATOR_TENANT"
    )
    """Id of the Entra tenant whose operators may sign in over HTTP; empty: nobody may."""
    operator_audience: str = Field("", validation_alias="DROPZONE_OPERATOR_AUDIENCE")
    """Client id of the app registration that their tokens are made for."""
    operator_role: str = Field("Dropzone.Operator", min_length=1, validation_alias="DROPZONE_OPERATOR_ROLE")
    """Value of the app role that makes an operator."""
    operator_authority: str = Field(
        "https://login.microsoftonline.com", pattern=r"^https?://[^/]+$", validation_alias="DROPZONE_OPERATOR_AUTHORITY"
    )
    """Where the tenant's tokens come from."""
    http_origins: str = Field("", pattern=rf"^({_ORIGIN}(,{_ORIGIN})*)?$", validation_alias="DROPZONE_HTTP_ORIGINS")
    """Origins of sites whose pages may call over HTTP, with commas between them."""
    scratch: Path | None = Field(None, validation_alias="DROPZONE_SCRATCH")
    """Where temporary folders are made; the system's place when not set."""

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins, each by itself."""
        return tuple(filter(None, self.http_origins.split(",")))

    @model_validator(mode="after")
    def _tokens_are_made_for_somebody(self) -> Self:
        if bool(self.operator_tenant) != bool(self.operator_audience):
            raise ValueError("DROPZONE_OPERATOR_TENANT and DROPZONE_OPERATOR_AUDIENCE are set together")
        return self


def load_settings() -> Settings:
    """The settings of this process; OperatorError names the variable that is wrong."""
    try:
        return Settings()  # type: ignore[call-arg]  # every field has a default or comes from the environment
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False))
        raise OperatorError(f"settings from the environment are wrong: {wrong}") from None


def program_version() -> str:
    """The version of this program, for receipts and manifests."""
    try:
        return version("dropzone")
    except PackageNotFoundError:
        return "unreleased"
