# Every target sets up what it needs: a virtual environment from the hashed lock, and the emulator from package-lock.json.
PYTHON ?= python3
UV_VERSION := 0.13.8
SOAK ?= 50

VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
export UV_PYTHON_DOWNLOADS := never
# Nothing on the machine should leak into the environment that the lock describes.
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint bench docs lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

setup: $(VENV)/.ready node_modules/.ready ## the environment and the emulator

demo: setup ## the whole path on sample customers, on this machine
	$(BIN)/dropzone demo $(ARGS)

test: setup ## all tests, on the emulator
	$(BIN)/python -m pytest $(ARGS)

soak: setup ## racing workers over days for as long as it takes: SOAK times the examples of `make test`
	DROPZONE_SOAK=$(SOAK) $(BIN)/python -m pytest --timeout=0 -k racing tests/property/test_day_interleavings.py $(ARGS)

lint: setup ## style, types, the dependency rule, unused and missing dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: setup ## speed and memory as ratios against the bare engine
	$(BIN)/python -m benchmarks $(ARGS)

docs: setup ## pages that are printed from code
	$(BIN)/python -m processing.tables.contract_page docs

lock: $(UV) ## requirements*.txt from pyproject.toml
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml -o requirements.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" --constraint requirements.txt \
		pyproject.toml --extra local --group dev -o requirements-dev.txt

clean: ## everything that the other targets made
	rm -rf $(VENV) $(TOOLS) node_modules .azurite .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache benchmarks/out dist
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

node_modules/.ready: package-lock.json $(VENV)/.ready
	$(BIN)/python -m processing.local.node
	@touch $@
