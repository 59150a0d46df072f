"""The rules that a row can break, by the name that stands as `rule` in receipts and beside rejected rows.

A name is never given to another rule and never renamed: customers' programs compare it.
"""

from __future__ import annotations

from enum import StrEnum


class RuleCode(StrEnum):
    """One rule; what it means for the customer stands in `processing.domain.reasons`."""

    # A value is there, and is of the column's type.
    REQUIRED = "required"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_DATE = "not_a_date"
    NOT_A_BOOLEAN = "not_a_boolean"
    NOT_A_TIMESTAMP = "not_a_timestamp"
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_UUID = "not_a_uuid"
    NOT_AN_ID = "not_an_id"
    USER_WITHOUT_ID = "user_without_id"

    # A value of the right type is one that the contract takes.
    LENGTH = "length"
    FINITE = "finite"
    DATE_IN_FUTURE = "date_in_future"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    BEFORE_2000 = "before_2000"
    DAY_CLOSED = "day_closed"
    FORBIDDEN_CHARACTER = "forbidden_character"
    NOT_LISTED = "not_listed"
    TOO_MANY_IDS = "too_many_ids"
    CUSTOM_ID_LENGTH = "custom_id_length"
    VALUE_MISSING = "value_missing"
    WRONG_KIND = "wrong_kind"

    # A record can be taken apart into values, and is of a kind that the file may hold.
    BROKEN_QUOTING = "broken_quoting"
    WRONG_FIELD_COUNT = "wrong_field_count"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    LONE_SURROGATE = "lone_surrogate"
    BEYOND_JSON_LIMITS = "beyond_json_limits"
    SEGMENT_RECORD = "segment_record"
    NOT_AN_EXPOSURE = "not_an_exposure"
