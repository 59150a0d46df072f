"""Instants in every spelling that the contract takes, each with the instant that is meant (contract section 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The first and last instants whose unix times have 10 digits without leading zeros.
_SHORTEST = EPOCH + timedelta(seconds=1_000_000_000)
_LONGEST = EPOCH + timedelta(seconds=9_999_999_999)

Spelt = tuple[str, datetime]


@st.composite
def spelt_instants(draw: st.DrawFn, earliest: datetime, latest: datetime) -> Spelt:
    """A text, and the instant from `earliest` to `latest` that it means, whole microseconds."""
    naive = st.datetimes(earliest.replace(tzinfo=None), latest.replace(tzinfo=None))
    at = draw(st.sampled_from([earliest, latest]) | naive.map(lambda each: each.replace(tzinfo=UTC)))
    if _SHORTEST <= at <= _LONGEST and draw(st.booleans()):
        return _unix(draw, at)
    return _iso(draw, at)


def _unix(draw: st.DrawFn, at: datetime) -> Spelt:
    micros = (at - EPOCH) // _MICROSECOND
    unit = draw(st.sampled_from([1_000_000, 1_000, 1, 0]))
    if unit == 0:
        return f"{micros}{draw(st.integers(0, 999)):03}", at
    return str(micros // unit), EPOCH + micros // unit * unit * _MICROSECOND


def _iso(draw: st.DrawFn, at: datetime) -> Spelt:
    minutes = draw(st.sampled_from([0, 0, 330, -480, -420, 60, -60, 14 * 60, -12 * 60, -30]))
    # Minutes of offset are written or left out; where they are left out there must be none.
    signs = "+-" if minutes == 0 else "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    offsets = [f"{sign}{text}" for sign in signs for text in [f"{hours:02}:{rest:02}", f"{hours:02}{rest:02}"]]
    offsets += [f"{sign}{hours:02}" for sign in signs if rest == 0]
    offsets += ["Z", "z"] if minutes == 0 else []
    local = at + timedelta(minutes=minutes)
    digits = draw(st.integers(0, 9))
    fraction = f"{local.microsecond:06}{draw(st.integers(0, 999)):03}"[:digits]
    meant = at.replace(microsecond=int(fraction[:6].ljust(6, "0")) if digits else 0)
    seconds = f":{local:%S}" + (f".{fraction}" if digits else "")
    if digits == 0 and draw(st.booleans()):
        seconds, meant = "", meant.replace(second=0)
    day = f"{local.year:04}-{local:%m-%d}"
    return f"{day}{draw(st.sampled_from('Tt '))}{local:%H:%M}{seconds}{draw(st.sampled_from(offsets))}", meant
