"""The package of `make package` is small enough, holds no parts of makers, and gives its functions from itself alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import scipy

from infra.package import LIMIT, functions_of, pack, prune, python_of_azure
from processing.local.environment import PROJECT
from tests.doors.test_indexing import BINDINGS

PACKAGE = PROJECT / "dist" / "app.zip"
made = pytest.mark.skipif(not PACKAGE.exists(), reason="`make package` was not run: there is no dist/app.zip")


@made
def test_the_functions_are_found_from_the_unpacked_package_alone() -> None:
    python = python_of_azure()
    if python is None:
        pytest.skip("no Python 3.13 for Linux on this machine: name one in PYTHON_IN_AZURE")
    assert functions_of(PACKAGE, python) == BINDINGS


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
        "numpy/random/mtrand.py",
        "scipy/special/_basic.py",
        "azure/core/aio.py",
        "pyarrow/parquet/core.py",
        "x.dist-info/LICENSE",
    ]
    gone = ["scipy/stats/x.py", "azure/core/pipeline/aio/x.py", "pyarrow/tests/deep/x.py", "yaml/cyaml.pyi", "bin/x"]
    for name in [*kept, *gone]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    prune(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_what_is_left_of_scipy_and_numpy_gives_the_distributions(tmp_path: Path) -> None:
    libraries = Path(scipy.__file__).parent.parent
    for name in ("numpy", "numpy.libs", "scipy", "scipy.libs"):
        if (libraries / name).exists():
            shutil.copytree(libraries / name, tmp_path / name, copy_function=os.symlink)
    prune(tmp_path)
    assert not (tmp_path / "scipy" / "stats").exists()
    asked = (
        "import sys; sys.path[:0] = sys.argv[1:]\nfrom scipy import special\nprint(special.__file__, special.stdtrit(5, 0.975))"
    )
    command = [sys.executable, "-I", "-S", "-c", asked, str(tmp_path)]
    where, figure = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert (where.startswith(str(tmp_path)), round(float(figure), 4)) == (True, 2.5706)


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
