"""The real job on the emulator: an upload that lies in storage is received, staged and answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.emulated import context_for, new_customer
from processing.domain import blob_names
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.receipts import read_receipt


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - the job has its own scratch
    """The work: receive `path`, which is uploaded before."""
    context = context_for(task["connection"])
    path = Path(task["path"])
    customer = new_customer(context)
    name = f"{task['dataset']}/{path.name}"
    context.drop.put(blob_names.drop_container(customer), name, path)

    def work() -> dict[str, Any]:
        status = receive_file(context, blob_names.drop_container(customer), name)
        answer = read_receipt(context.drop, customer, name)
        if answer is None:
            raise SystemExit(f"no receipt: {status}")
        rows = answer[0].rows
        return {"read": rows.read, "accepted": rows.accepted, "rejected": rows.rejected}

    return work
