"""Makes dist/app.zip of dist/app: leaves out what the deployed app never reads, and fails when the rest is too large.

Where Python 3.13 is found, what the app imports is compiled by it, and the functions are listed from the package alone.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

LIMIT: Final = 190_000_000
"""Bytes of the zip. An instance that starts fetches all of it before it works."""
LIBRARIES: Final = Path(".python_packages/lib/site-packages")

UNREAD: Final = {
    "tests of libraries": ("**/tests", "numpy/testing/tests", "numpy/_core/_*tests*.so", "numpy/_core/_simd*.so"),
    "what compilers and type checkers read": (
        "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.pxi", "**/*.h", "**/*.hpp", "**/*.a", "**/py.typed", "wrapt-stubs",
        "pyarrow/include", "pyarrow/src", "pyarrow/includes", "numpy/_core/include", "numpy/f2py/src",
    ),
    "SciPy beside its distributions": (
        *(f"scipy/{each}" for each in (
            "cluster", "constants", "datasets", "differentiate", "fft", "fftpack", "integrate", "interpolate", "io",
            "misc", "ndimage", "odr", "optimize", "signal", "sparse", "spatial", "stats",
        )),
        "scipy/special/_precompute", "scipy/special/cython_special*", "scipy/special/_test_internal*",
    ),
    "commands, and lists of what libraries were built of": ("bin", "**/*.dist-info/sboms"),
    "asynchronous clients": ("azure/**/aio",),
    "second names of libraries, which a zip holds as copies": (
        "pyarrow/libarrow_python*.so", "pyarrow/libarrow_python*.so.*.*.*",
    ),
    "Arrow over the network, in queries of other engines, on foreign storage": (
        "pyarrow/libarrow_flight.so.*", "pyarrow/libarrow_python_flight.so.*", "pyarrow/_flight.*", "pyarrow/flight.py",
        "pyarrow/_substrait.*", "pyarrow/substrait.py",
        "pyarrow/libarrow_s3.so.*", "pyarrow/_s3fs.*", "pyarrow/_gcsfs.*", "pyarrow/_azurefs.*", "pyarrow/_hdfs.*",
    ),
    "Arrow's own engine and datasets, and formats that no upload has": (
        "pyarrow/_acero.*", "pyarrow/acero.py", "pyarrow/_dataset*", "pyarrow/dataset.py",
        "pyarrow/libarrow_python_parquet_encryption.so.*", "pyarrow/_parquet_encryption.*",
        "pyarrow/_orc.*", "pyarrow/_feather.*", "pyarrow/_json.*", "pyarrow/_csv.*", "pyarrow/_pyarrow_cpp_tests.*",
    ),
}  # fmt: skip
"""Why, and which files below the folder of libraries. Those which stay are as their makers built them: every module of
pyarrow brings libarrow_substrait, libarrow_acero and libarrow_dataset along, and scipy.special all of NumPy,
scipy.linalg and OpenBLAS, so that these stay too."""

LISTED: Final = """
import json, sys
sys.path[:0] = sys.argv[1:]
from function_app import app
import azure.monitor.opentelemetry, deltalake, pyarrow.parquet, scipy.special  # what is imported when it is first needed
found = {f.get_function_name(): json.loads(f.get_function_json())["bindings"] for f in app.get_functions()}
ours = [sys.modules[name].__file__ for name in ("polars", "numpy", "scipy") if name in sys.modules]
assert all(path.startswith(sys.argv[1]) for path in ours)
print(json.dumps({name: [each["type"] for each in bindings] for name, bindings in found.items()}))
"""
"""Run by the Python of the app, with the folders of app and libraries as its words."""
COMPILING: Final = """
import importlib, pkgutil, py_compile, sys
from pathlib import Path
sys.dont_write_bytecode = True
sys.path[:0] = sys.argv[1:]
import function_app
import azure.identity, azure.monitor.opentelemetry, deltalake, pyarrow.parquet  # what is imported when it is first needed
for room in ("processing.jobs", "processing.web"):
    for found in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(found.name)
app, count = Path(sys.argv[1]), 0
# Instances start without the engines, and their bytecode would not fit into the package.
engines = {"numpy", "pandera", "polars", "scipy", "sqlglot"}
for name, module in list(sys.modules.items()):
    file = Path(getattr(module, "__file__", None) or "/")
    if name.partition(".")[0] not in engines and file.suffix == ".py" and file.is_relative_to(app):
        # A zip keeps no times, by which a source would be known to be newer; and no path of the machine that made it.
        py_compile.compile(file, dfile=str(file.relative_to(app)), doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        count += 1
print(count)
"""
"""Run in the same way. An instance that starts reads what this leaves; else it would compile two thousand files first."""
_BEST: Final = 9


def main() -> int:
    """0 when dist/app.zip is there, small enough, and found to hold functions; else 1 with the reason on standard error."""
    dist = Path(__file__).parent.parent / "dist"
    prune(dist / "app" / LIBRARIES)
    python = python_of_azure()
    if python is not None:
        sys.stdout.write(f"compiled: {compile_imported(dist / 'app', python):,} files\n")
    package = dist / "app.zip"
    pack(dist / "app", package)
    size = package.stat().st_size
    sys.stdout.write(f"{package.name}: {size / 1e6:.1f} MB zipped, at most {LIMIT / 1e6:.0f}\n")
    if size >= LIMIT:
        sys.stderr.write("the package is too large: see infra/package.py\n")
        return 1
    if python is None:
        sys.stdout.write(
            "neither tried nor compiled, so that instances start slowly: this machine has no Python 3.13 for Linux; "
            "name one in PYTHON_IN_AZURE\n"
        )
        return 0
    for name, bindings in functions_of(package, python).items():
        sys.stdout.write(f"  {name}: {', '.join(bindings)}\n")
    return 0


def python_of_azure() -> str | None:
    """A Python on this machine that can run the package, or None."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return None
    for name in (os.environ.get("PYTHON_IN_AZURE"), "python3.13", sys.executable):
        python = name and shutil.which(name)
        if python:
            # A name may lead to a script that chooses one by its environment, which ours will not have.
            asked = [python, "-c", "import sys; print(*sys.version_info[:2], sys.executable)"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - a Python
            if done.stdout.startswith("3 13 "):
                return done.stdout.removeprefix("3 13 ").strip()
    return None


def prune(libraries: Path) -> None:
    """Delete what is never read."""
    for patterns in UNREAD.values():
        for pattern in patterns:
            # The list is made first: a folder that is gone cannot be walked.
            for path in sorted(libraries.glob(pattern)):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


def compile_imported(app: Path, python: str) -> int:
    """Leave the bytecode of every file that the app imports beside it; how many.

    The same files give the same bytes. Raises subprocess.CalledProcessError when the app cannot be imported.
    """
    command = [python, "-I", "-S", "-c", COMPILING, str(app.absolute()), str((app / LIBRARIES).absolute())]
    done = subprocess.run(command, cwd=app.parent, env={}, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return int(done.stdout)


def pack(folder: Path, package: Path) -> None:
    """Zip the folder; the same files give the same bytes."""
    package.unlink(missing_ok=True)
    with zipfile.ZipFile(package, "w") as out:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            info.external_attr = 0o644 << 16
            out.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=_BEST)


def functions_of(package: Path, python: str) -> dict[str, list[str]]:
    """The functions that this Python finds in the package alone, each with the types of its bindings.

    Raises subprocess.CalledProcessError when the package cannot be imported.
    """
    with tempfile.TemporaryDirectory(prefix="dropzone-package-") as folder:
        app, elsewhere = Path(folder) / "app", Path(folder) / "elsewhere"
        elsewhere.mkdir()
        with zipfile.ZipFile(package) as zipped:
            zipped.extractall(app)
        # Neither the folder it stands in, nor the environment, nor what is installed in this Python is looked at.
        command = [python, "-I", "-S", "-c", LISTED, str(app), str(app / LIBRARIES)]
        done = subprocess.run(command, cwd=elsewhere, env={}, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
