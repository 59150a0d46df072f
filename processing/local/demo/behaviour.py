"""Events and exposures of a sample customer, and what must come out of them."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.days import DayZone

EVENTS: Final = ("page_view", "add_to_cart", "checkout")
EXPERIMENTS: Final = ("dark_mode", "new_checkout")
_GROUPS: Final = ("control", "test")
_HEADER: Final = "timestamp,experiment,group_id,unit_id,id_type\n"


@dataclass(slots=True)
class Behaviour:
    """What a customer's users did, and what they were shown."""

    events: Counter[tuple[date, str]] = field(default_factory=Counter)
    """Events of each day and name, each counted once."""
    exposed: set[tuple[str, str]] = field(default_factory=set)
    """Experiment and unit, of all days so far."""
    first_exposures: Counter[date] = field(default_factory=Counter)
    """Units that saw an experiment for the first time, by day."""


def events_of(rng: random.Random, behaviour: Behaviour, zone: DayZone, day: date, count: int) -> tuple[bytes, int, int]:
    """A day's NDJSON, its records and how many of them are sound; every tenth event is sent twice, two break a rule."""
    lines: list[str] = []
    for number in range(count):
        name = rng.choice(EVENTS)
        event = {
            "timestamp": int(_moment(rng, zone, day).timestamp()),
            "event_name": name,
            "event_value": f"{rng.randint(1, 9_999) / 100:.2f}" if name == "checkout" else None,
            "event_metadata": {"page": str(rng.randint(1, 20))},
            "user": {"userID": f"user-{rng.randint(0, 399):05d}", "customIDs": {"companyID": f"c-{rng.randint(0, 9)}"}},
            "timeuuid": str(uuid.UUID(int=rng.getrandbits(128))),
        }
        behaviour.events[day, name] += 1
        lines += [json.dumps(event)] * (2 if number % 10 == 0 else 1)
    sound = len(lines)
    lines += [json.dumps({**event, "event_name": "<script>"}), json.dumps({**event, "user": {}})]
    return ("\n".join(lines) + "\n").encode(), len(lines), sound


def exposures_of(rng: random.Random, behaviour: Behaviour, zone: DayZone, day: date, units: Sequence[str]) -> bytes:
    """A day's CSV: each unit sees one of two experiments; who saw one before is no first exposure."""
    lines = [_HEADER]
    for unit in units:
        experiment = rng.choice(EXPERIMENTS)
        moment = _moment(rng, zone, day).isoformat()
        lines.append(f"{moment},{experiment},{group_of(unit)},{unit},user_id\n")
        if (experiment, unit) not in behaviour.exposed:
            behaviour.exposed.add((experiment, unit))
            behaviour.first_exposures[day] += 1
    return "".join(lines).encode()


def group_of(unit: str) -> str:
    """The group of a unit, in every experiment."""
    return _GROUPS[sum(unit.encode()) % 2]


def _moment(rng: random.Random, zone: DayZone, day: date) -> datetime:
    seconds = int((zone.end_of(day) - zone.start_of(day)).total_seconds())
    return zone.start_of(day) + timedelta(seconds=rng.randrange(seconds))
