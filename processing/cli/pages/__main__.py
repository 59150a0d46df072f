"""`python -m processing.cli.pages DOCS` prints every page below a folder, as `make docs` does."""

from __future__ import annotations

import sys
from pathlib import Path

from processing.cli.pages.print_pages import print_pages

if __name__ == "__main__":
    print_pages(Path(sys.argv[1]))
