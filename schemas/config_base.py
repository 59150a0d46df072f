"""What the parts of a customer's config share: records that know their keys, and the section of the contract behind each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator


def all_different(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, none of which may stand twice."""
    if len(set(values)) < len(values):
        raise ValueError("the list names something twice")
    return values


Name = Annotated[str, Field(min_length=1, max_length=512)]
"""A column of an upload, as its header writes it."""
Unique = AfterValidator(all_different)


def section(number: int) -> dict[str, JsonValue]:
    """Where the contract speaks of a key."""
    return {"contract_section": number}


class Part(BaseModel):
    """A part of the config: unknown keys are refused, and a key without a value is as good as absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data
