"""What an installation was first used with and must be used with ever after: the zone of its days (contract section 1)."""

from __future__ import annotations

import json

from processing.domain import blob_names
from processing.domain.days import DayZone
from processing.domain.errors import ConditionNotMet, OperatorError
from processing.ports import IF_ABSENT, BlobStore


def check_zone(lake: BlobStore, zone: DayZone) -> None:
    """OperatorError when days were cut in another zone before: rows are staged by them."""
    found = lake.get(blob_names.STATE_CONTAINER, blob_names.installation_name())
    if found is None:
        return
    first = json.loads(found[0])["day_zone"]
    if first != zone.name:
        raise OperatorError(f"DROPZONE_DAY_ZONE is {zone.name}, and this installation began with {first}: set it back")


def keep_zone(lake: BlobStore, zone: DayZone) -> None:
    """Store the zone with the first stream; OperatorError when another one is there."""
    document = json.dumps({"day_zone": zone.name}).encode()
    try:
        lake.put(blob_names.STATE_CONTAINER, blob_names.installation_name(), document, when=IF_ABSENT)
    except ConditionNotMet:
        check_zone(lake, zone)
