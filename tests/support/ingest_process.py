"""Ingests in a child process, so that what ends a process, hangs or takes memory is a failed test that shows its bytes."""

from __future__ import annotations

import base64
import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import traceback
import zlib
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.receipts import ReceiptError, RowCounts
from processing.ingest.readers.formats import Packing
from schemas.customer_config import CustomerConfig

LONGEST: Final = 240.0
"""Seconds after which a file that hangs is shown: the test's own limit, a little later, shows no file."""
MOST_MEMORY: Final = 1024**3
"""Bytes of peak memory that small files may add to a process that has ingested a sound one."""

_Answer = tuple[ReceiptError | None, RowCounts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes to ingest."""

    data: bytes
    name: str
    dataset: Dataset
    config: CustomerConfig

    def __repr__(self) -> str:
        data = base64.b64encode(zlib.compress(self.data)).decode()
        config = self.config.model_dump_json(exclude_defaults=True)
        return f"Upload(base64 of zlib {data!r}, name={self.name!r}, dataset={self.dataset.value!r}, config={config})"


class IngestProcess:
    """A child that ingests one upload at a time; it is started when there is none, so also after one that died."""

    def __init__(self) -> None:
        self._child: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def check(self, upload: Upload) -> _Answer:
        """Why the upload is refused, if it is, and its counts, of an ingest that keeps every promise.

        AssertionError, with the bytes as base64, for one that breaks a promise, raises, ends its process, takes longer
        than LONGEST or more than MOST_MEMORY.
        """
        failure, answer = self._answer(self._running(), upload)
        if failure is not None or answer is None:
            raise AssertionError(f"{failure}\n{upload}")
        return answer

    def _answer(self, pipe: Connection, upload: Upload) -> tuple[str | None, _Answer | None]:
        """What went wrong, or else the answer."""
        try:
            pipe.send(upload)
            if not pipe.poll(LONGEST):
                self.close()
                return f"no answer in {LONGEST:.0f} s", None
            failure, answer, taken = pipe.recv()
        except (EOFError, ConnectionError):
            return f"the process ended with {self._ended()}", None
        if taken > MOST_MEMORY:
            self.close()
            return f"the process took {taken:,} bytes of memory", None
        return failure, answer

    def end_with(self, number: signal.Signals) -> None:
        """Send a signal to the child."""
        self._running()
        assert self._child is not None
        assert self._child.pid is not None
        os.kill(self._child.pid, number)

    def close(self) -> None:
        """End the child."""
        if self._child is not None and self._pipe is not None:
            self._child.kill()
            self._child.join()
            self._pipe.close()
        self._child = self._pipe = None

    def _running(self) -> Connection:
        if self._pipe is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, other = context.Pipe()
            self._child = context.Process(target=_serve, args=(other,), daemon=True)
            self._child.start()
            other.close()
            assert self._pipe.recv() == "ready"
        return self._pipe

    def _ended(self) -> object:
        """The exit code, or minus the signal, of a child that ended by itself."""
        child = self._child
        assert child is not None
        child.join()
        self.close()
        return child.exitcode


def _serve(pipe: Connection) -> None:
    from tests.support.ingest_promise import ingest_as_promised  # noqa: PLC0415 - the parent needs none of it

    faulthandler.enable()
    warm = b"unit_id,id_type,date,metric_name,metric_value\nu,t,2026-11-18,m,1\n"
    ingest_as_promised(warm, f"a.csv.{Packing.GZIP}", Dataset.METRICS)
    before = _peak()
    pipe.send("ready")
    while True:
        upload: Upload = pipe.recv()
        faulthandler.dump_traceback_later(LONGEST - 1, exit=False)
        try:
            found = ingest_as_promised(upload.data, upload.name, upload.dataset, config=upload.config)
            failure, answer = None, (found.outcome.problem, found.outcome.rows)
        except BaseException:  # noqa: BLE001 - a panic of the engine is no Exception
            failure, answer = traceback.format_exc(), None
        faulthandler.cancel_dump_traceback_later()
        pipe.send((failure, answer, _peak() - before))


def _peak() -> int:
    """Bytes; the system tells KiB, but for macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
