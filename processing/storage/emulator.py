"""The one account that every storage emulator has; its key is published and protects nothing."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "devstoreaccount1"
KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
BLOB_ENDPOINT: Final = f"http://127.0.0.1:10000/{ACCOUNT}"
"""What the short form `UseDevelopmentStorage=true` means for blobs."""
