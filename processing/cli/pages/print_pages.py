"""The pages of docs/ that nobody writes by hand, because the program knows what stands in them."""

from __future__ import annotations

import json
from pathlib import Path

from processing.cli.pages.config_page import config_page
from processing.cli.pages.expressions_page import expressions_page
from processing.cli.pages.files_page import files_page, json_schema
from processing.cli.pages.receipts_page import receipts_page
from processing.domain.datasets import DATA_DATASETS


def pages() -> dict[str, str]:
    """Each page by its name below docs/."""
    return {
        "customers/files.md": files_page(),
        "customers/receipts.md": receipts_page(),
        "operators/config.md": config_page(),
        "operators/expressions.md": expressions_page(),
        **{f"schemas/{dataset}.json": json.dumps(json_schema(dataset), indent=2) + "\n" for dataset in DATA_DATASETS},
    }


def print_pages(folder: Path) -> None:
    """Write them all below `folder`."""
    for name, text in pages().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
