"""The package of `make package` is small enough, holds no parts of makers, and gives its functions from itself alone."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from infra.package import LIMIT, functions_of, pack, prune, python_of_azure
from processing.local.environment import PROJECT
from tests.doors.test_indexing import FUNCTIONS

PACKAGE = PROJECT / "dist" / "app.zip"
made = pytest.mark.skipif(not PACKAGE.exists(), reason="`make package` was not run: there is no dist/app.zip")


@made
def test_the_functions_are_found_from_the_unpacked_package_alone() -> None:
    python = python_of_azure()
    if python is None:
        pytest.skip("no Python 3.13 for Linux on this machine: name one in PYTHON_IN_AZURE")
    assert functions_of(PACKAGE, python) == {name: [trigger] for name, trigger in FUNCTIONS.items()}


@made
def test_the_package_is_small_enough_and_holds_no_tests_and_no_settings() -> None:
    assert PACKAGE.stat().st_size < LIMIT
    with zipfile.ZipFile(PACKAGE) as zipped:
        names = zipped.namelist()
    assert {"function_app.py", "host.json"} <= set(names)
    assert not [name for name in names if re.search(r"/tests/|\.pyi$|/pytest/|local\.settings", name)]


def test_pruning_takes_what_is_listed_and_nothing_else(tmp_path: Path) -> None:
    kept = [
        "numpy/__init__.py",
        "numpy/typing/__init__.py",
        "azure/core/aio.py",
        "pyarrow/parquet/core.py",
        "x.dist-info/LICENSE",
    ]
    gone = ["numpy/random/mtrand.py", "azure/core/pipeline/aio/x.py", "pyarrow/tests/deep/x.py", "yaml/cyaml.pyi", "bin/x"]
    for name in [*kept, *gone]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    prune(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_the_same_files_make_the_same_zip_and_come_out_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.py").write_bytes(b"print(1)\n" * 1000)
    (folder / "empty").write_bytes(b"")
    for name in ("1.zip", "2.zip"):
        pack(folder, tmp_path / name)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as zipped:
        assert zipped.testzip() is None
        assert zipped.namelist() == ["empty", "in/a.py"]
        assert zipped.read("in/a.py") == b"print(1)\n" * 1000
