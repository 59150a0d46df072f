"""Exposures, and two groups of units, as tests of results upload them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.support.memory import START, Memory, metrics

D1, D2, D3 = (date(2026, 11, 17) + timedelta(days=number) for number in range(3))
CONFIG = "experiments:\n  button: {winsorize: 1}\n"
HEADER = "timestamp,experiment,group_id,unit_id,id_type\n"


def exposures(day: date, groups: dict[str, str], experiment: str = "button") -> bytes:
    """One row for each unit, at noon UTC of the day."""
    at = datetime.combine(day, START.time(), tzinfo=UTC).isoformat()
    return (HEADER + "".join(f"{at},{experiment},{group},{unit},user_id\n" for unit, group in groups.items())).encode()


def units(prefix: str, count: int = 4) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def two_groups() -> dict[str, str]:
    return {**dict.fromkeys(units("c"), "control"), **dict.fromkeys(units("b"), "blue")}


def two_groups_on_two_days() -> Memory:
    """On the first day the units of blue have 2 each and the others 1, more or less; on the second all have 1."""
    world = Memory()
    world.config(CONFIG)
    world.upload("exposures/a.csv", exposures(D1, two_groups()))
    first = {unit: (2.0 if unit.startswith("b") else 1.0) + number / 10 for number, unit in enumerate(two_groups())}
    world.upload("metrics/1.csv", metrics(D1, first))
    world.upload("metrics/2.csv", metrics(D2, dict.fromkeys(two_groups(), 1.0)))
    return world


def mark(world: Memory, *days: date) -> None:
    for day in days:
        world.upload(f"signals/{day}")
    world.settle()
    world.tick()
