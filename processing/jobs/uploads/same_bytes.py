"""Warns of an upload whose bytes another upload of its folder holds, with its rows in force (contract section 5)."""

from __future__ import annotations

from itertools import islice
from typing import Final

from processing.domain.printable import printable
from processing.domain.reasons import WarningCode
from processing.domain.receipts import ReceiptWarning, Upload
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from processing.stored.same_bytes import recent_bytes

_MOST_ASKED: Final = 3
"""Receipts that are asked for one upload."""
_SHOWN: Final = 200


def same_bytes_warnings(context: JobContext, upload: Upload, *, md5: str, sha256: str) -> tuple[ReceiptWarning, ...]:
    """At most one warning, which counts the other uploads; the upload itself is remembered for those that follow."""
    known = recent_bytes(context, upload.customer)
    folder = f"{upload.name.partition('/')[0]}/"
    others = [name for name in known.others(upload.name, md5) if name.startswith(folder)]
    known.add(upload.name, md5)
    # The youngest first: the receipts of the oldest may be given up.
    holds = [name for name in islice(reversed(others), _MOST_ASKED) if _is_in_force(context, upload.customer, name, sha256)]
    if not holds:
        return ()
    names = ", ".join(printable(name, most=_SHOWN) for name in holds)
    message = f"{names} {'holds' if len(holds) == 1 else 'hold'} the same bytes, and the rows are in force there too"
    return (ReceiptWarning(code=WarningCode.SAME_BYTES_AS, message=message, count=len(holds)),)


def _is_in_force(context: JobContext, customer: str, name: str, sha256: str) -> bool:
    found = read_receipt(context.drop, customer, name)
    in_force = found[0].in_force if found is not None else None
    return in_force is not None and in_force.sha256 == sha256
