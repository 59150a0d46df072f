"""Archives: whole ones give their bytes in bounded pieces, broken ones and bombs are refused, none passes as shorter."""

from __future__ import annotations

import base64
import gzip
import random
import subprocess
import sys
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from processing.domain.errors import CustomerError, LaterError
from processing.ingest.readers import unpacking
from processing.ingest.readers.formats import Packing
from processing.ingest.readers.unpacking import unpack

ROWS = b"".join(b"u%d,%d.5\n" % (number, number * number) for number in range(60))
# ROWS as the zstd command packs them, with a checksum, which the codec at hand here leaves out.
ROWS_ZSTD = base64.b64decode(
    "KLUv/QRYpQgA1tMpELClOQzDSkk3ESGyWSsFMggoACMAIgB0xoeIt5zChRwf2eNoMVsQCqheQSjAOAWhgHuCUADdIBTAGYQCZAkCc8vQ+DrEox"
    "WLCttqV0VNbT0ddEs0S0tp81HncaOL6sZedjyC2I2kFx0nGnxI8JJxknGh4jfExwwXU27Da8hphM8I79jNoQAOmq9s5lHUWdRwtpqreJ1KRp8S"
    "0VtinVVdSqgfyfRB0h41ICDDCaYeUlzRCkdIcWUrJkrM6CCvAL2VH0Rhbegehzb80HMMDdbQTR6a2tAjG9qBQ+c3NHlDP5eJbkOXNjTk6KsNcV"
    "rTRLv6EKc1LZqvPg8R2ult+g7rzwynNS1C3w0iGS2IIBIE5jpQnTywjg=="
)
ROWS_GZIP = gzip.compress(ROWS, mtime=0)
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    return bytes(sink.getvalue())


def zstd_frame(blocks: bytes, window_log: int = 17) -> bytes:
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(window_log - 10) << 3]) + blocks


def zstd_repeated(size: int, *, last: bool) -> bytes:
    """A block of `size` zeros in four bytes."""
    return (int(last) | 1 << 1 | size << 3).to_bytes(3, "little") + b"\0"


def chunked(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    return iter([data[start : start + size] for start in range(0, len(data), size)])


def unpacked(data: bytes, packing: Packing, size: int = 1 << 16) -> bytes:
    return b"".join(unpack(chunked(data, size), packing))


def outcome(data: bytes, packing: Packing, size: int = 1 << 16) -> bytes | str:
    try:
        return unpacked(data, packing, size)
    except CustomerError as error:
        return error.code


both = pytest.mark.parametrize(
    ("pack", "packing"), [pytest.param(gzip.compress, Packing.GZIP, id="gzip"), pytest.param(zstd, Packing.ZSTD, id="zstd")]
)
both_small = pytest.mark.parametrize(
    ("packed", "packing"), [pytest.param(ROWS_GZIP, Packing.GZIP, id="gzip"), pytest.param(ROWS_ZSTD, Packing.ZSTD, id="zstd")]
)
Pack = Callable[[bytes], bytes]


def test_plain_bytes_pass_as_they_are() -> None:
    assert list(unpack(iter([b"a", b"", b"b"]), Packing.PLAIN)) == [b"a", b"", b"b"]


@both
def test_a_whole_archive_gives_its_bytes_in_pieces_of_at_most_4_mib(pack: Pack, packing: Packing) -> None:
    data = random.Random(1).randbytes(3 << 20) + bytes(7 << 20)
    pieces = list(unpack(chunked(pack(data), 999_983), packing))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 4 << 20


@both_small
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_how_the_bytes_arrive_changes_nothing(packed: bytes, packing: Packing, size: int) -> None:
    assert unpacked(packed, packing, size) == ROWS
    chunks = [b"", *chunked(packed, size), b""]
    assert b"".join(unpack(iter(chunks), packing)) == ROWS


@both
def test_archives_end_to_end_are_one_file(pack: Pack, packing: Packing) -> None:
    assert unpacked(pack(b"a,b\n") + pack(b"") + pack(ROWS) + pack(b"c"), packing, 5) == b"a,b\n" + ROWS + b"c"


@both
def test_an_archive_of_nothing_is_nothing(pack: Pack, packing: Packing) -> None:
    assert unpacked(pack(b""), packing) == b""


def test_zeros_after_gzip_and_skipped_frames_around_zstd_are_padding() -> None:
    assert unpacked(ROWS_GZIP + bytes(1_000), Packing.GZIP) == ROWS
    assert unpacked(SKIPPED + ROWS_ZSTD + SKIPPED, Packing.ZSTD) == ROWS


@both_small
def test_an_archive_cut_anywhere_is_refused(packed: bytes, packing: Packing) -> None:
    assert {outcome(packed[:end], packing) for end in range(1, len(packed))} == {"damaged_archive"}


@both_small
def test_a_second_archive_cut_anywhere_is_refused(packed: bytes, packing: Packing) -> None:
    assert {outcome(packed + packed[:end], packing) for end in range(1, len(packed))} == {"damaged_archive"}


@both_small
def test_other_bytes_after_an_archive_are_refused(packed: bytes, packing: Packing) -> None:
    assert outcome(packed + b"a,b\n1,2\n", packing) == "damaged_archive"


@both_small
def test_a_flipped_bit_is_refused_or_changes_nothing(packed: bytes, packing: Packing) -> None:
    for bit in range(8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert outcome(bytes(flipped), packing) in (ROWS, "damaged_archive"), bit


@both_small
def test_a_refusal_names_the_kind_of_archive(packed: bytes, packing: Packing) -> None:
    with pytest.raises(CustomerError, match="zstd" if packing is Packing.ZSTD else "gzip"):
        unpacked(packed[:-1], packing)


@both_small
@pytest.mark.parametrize("failure", [ConnectionError("reset"), EOFError("early"), LaterError("busy")])
def test_an_upload_that_cannot_be_read_is_not_called_damaged(packed: bytes, packing: Packing, failure: Exception) -> None:
    def chunks() -> Iterator[bytes]:
        yield packed[:20]
        raise failure

    with pytest.raises(type(failure)) as raised:
        list(unpack(chunks(), packing))
    assert raised.value is failure


def test_a_zstd_window_of_128_mib_is_unpacked_and_a_larger_one_is_refused() -> None:
    block = zstd_repeated(1_000, last=True)
    assert unpacked(zstd_frame(block, window_log=27), Packing.ZSTD) == bytes(1_000)
    with pytest.raises(CustomerError, match="more than 128 MiB") as refused:
        unpacked(zstd_frame(block, window_log=28), Packing.ZSTD)
    assert refused.value.code == "damaged_archive"


def bomb(packing: Packing) -> bytes:
    """About a GiB of zeros in the fewest bytes."""
    if packing is Packing.GZIP:
        return gzip.compress(bytes(16 << 20)) * 64
    return zstd_frame(zstd_repeated(128 << 10, last=False) * 8_191 + zstd_repeated(1, last=True))


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD])
def test_a_bomb_is_refused_only_after_what_is_allowed_to_any_file(packing: Packing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_FREE_UNPACKED", 100 << 20)
    allowed: list[int] = []
    with pytest.raises(CustomerError) as refused:
        allowed.extend(map(len, unpack(chunked(bomb(packing)), packing)))
    assert refused.value.code == "unpacks_too_large"
    assert sum(allowed) >= 96 << 20


_PEAK = """
import resource, sys
from processing.ingest.readers.formats import Packing
from processing.ingest.readers.unpacking import unpack
from tests.ingest.test_unpacking import bomb, chunked
packing = Packing(sys.argv[1])
chunks = chunked(bomb(packing))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(map(len, unpack(chunks, packing))) >= 1_023 << 20
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD])
def test_unpacking_a_gib_takes_little_memory(packing: Packing) -> None:
    ran = subprocess.run([sys.executable, "-c", _PEAK, packing.value], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 48
