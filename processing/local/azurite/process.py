"""Runs Azurite, the storage emulator, for as long as a `with` block lasts and never longer than this program."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from processing.domain.errors import OperatorError
from processing.local.azurite.node import azurite_entry, find_node
from processing.storage import emulator

RUNNING: Final = "DROPZONE_AZURITE"
"""The environment variable that holds the connection string of an Azurite that runs already."""

_SERVICES: Final = ("Blob", "Queue", "Table")
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_LISTENING: Final = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")

# Runs inside Azurite's own process. Its standard input is a pipe that only this program holds open, and the kernel closes it
# however this program ends. Without the two handlers a message to the broken output pipe would end Azurite before it saved.
_END_WITH_PARENT: Final = f"""
for (const output of [process.stdout, process.stderr]) output.on("error", () => {{}});
process.stdin.on("end", () => {{
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.exit(0), {_STOP_SECONDS * 1000:.0f}).unref();
}}).resume().unref();
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the services listen on 127.0.0.1; 0 is any free port."""

    blob: int = 0
    queue: int = 0
    table: int = 0


class Azurite:
    """One emulator of our own: in memory, or in `folder` where it keeps what it held."""

    def __init__(self, folder: Path | None = None, *, ports: Ports | None = None, memory_megabytes: int = 4096) -> None:
        self._folder = folder
        self._ports = ports or Ports()
        self._memory_megabytes = memory_megabytes
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._changed = threading.Condition()
        self._listening: dict[str, int] = {}
        self._ended = False
        self._last_lines: deque[str] = deque(maxlen=20)

    @property
    def connection_string(self) -> str:
        """What the Azure SDKs need to reach it, while it runs."""
        if len(self._listening) < len(_SERVICES):
            raise OperatorError("Azurite is not running")
        endpoints = "".join(
            f"{service}Endpoint=http://127.0.0.1:{port}/{emulator.ACCOUNT};"
            for service, port in sorted(self._listening.items())
        )
        return f"DefaultEndpointsProtocol=http;AccountName={emulator.ACCOUNT};AccountKey={emulator.KEY};{endpoints}"

    @property
    def pid(self) -> int:
        """The process id of the emulator, while it runs."""
        if self._process is None:
            raise OperatorError("Azurite is not running")
        return self._process.pid

    def start(self) -> Self:
        """Start it and wait until it answers; OperatorError with its last words when it does not."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(  # noqa: S603 - our Node and the locked package, no shell
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # A place that exists and that it writes nothing to.
            cwd=tempfile.gettempdir(),
            # Ctrl-C at the terminal is for this program, which may still need storage to end in order.
            start_new_session=True,
        )
        self._ended = False
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="azurite-output", daemon=True)
        self._reader.start()
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it: with a folder it saves first. One that ended already is no error."""
        process, self._process = self._process, None
        self._listening = {}
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def _command(self) -> list[str]:
        command = [
            str(find_node()),
            f"--import=data:text/javascript,{_as_data(_END_WITH_PARENT)}",
            str(azurite_entry()),
            *("--blobPort", str(self._ports.blob)),
            *("--queuePort", str(self._ports.queue)),
            *("--tablePort", str(self._ports.table)),
            # The SDK speaks a newer version of the protocol than the emulator knows by name.
            "--skipApiVersionCheck",
            "--disableTelemetry",
            "--silent",
        ]
        if self._folder is not None:
            return [*command, "--location", str(self._folder.resolve())]
        return [*command, "--inMemoryPersistence", "--extentMemoryLimit", str(self._memory_megabytes)]

    def _read(self, process: subprocess.Popen[str]) -> None:
        # Read to the end, or a full pipe would hold the emulator up.
        for line in process.stdout or ():
            found = _LISTENING.search(line)
            with self._changed:
                self._last_lines.append(line.rstrip())
                if found:
                    self._listening[found[1]] = int(found[2])
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait_until_it_listens(self) -> None:
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._listening) == len(_SERVICES), _START_SECONDS)
            if len(self._listening) == len(_SERVICES) and not self._ended:
                return
            said = "\n".join(self._last_lines) or "(nothing)"
        how = "ended" if self._ended else f"was not ready after {time.monotonic() - began:.0f} s"
        raise OperatorError(f"the storage emulator could not be started: it {how}. It said:\n{said}")


@contextmanager
def running_or_new() -> Iterator[str]:
    """The connection string of the Azurite that `DROPZONE_AZURITE` names, else of one that runs for this block."""
    running = os.environ.get(RUNNING)
    if running:
        yield running
        return
    with Azurite() as azurite:
        yield azurite.connection_string


def _as_data(script: str) -> str:
    return script.translate({ord("%"): "%25", ord("#"): "%23", ord("\n"): "%0A", ord(" "): "%20", ord('"'): "%22"})
