# Every target does its own set-up; a second run finds it done.
# Needs: make, Python 3.11-3.13 with venv (Debian: apt-get install python3-venv), a package index for pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-ready
DEV := $(VENV)/.dev-ready
WORKSPACE ?= data
DEMO ?= workspaces/demo
export POLARS_ENGINE_AFFINITY := in-memory
export OPENBLAS_NUM_THREADS := 1
export DAGSTER_TELEMETRY_ENABLED := false
# Where it is set, every start of Python would compile some thousand modules anew: ten seconds instead of two.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help pictures index test test-fast check dev bench lock clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

index: $(RUN) ## Build the index: the real cities, then the demo cohort; print both
	@$(BIN)/ssc-index build --workspace $(WORKSPACE)
	@$(BIN)/ssc-index demo --workspace $(DEMO) --if-absent
	@$(BIN)/ssc-index build --workspace $(DEMO)
	@$(BIN)/ssc-index site --workspace $(WORKSPACE)
	@$(BIN)/ssc-index site --workspace $(DEMO)
	@$(BIN)/ssc-index factsheet leader --workspace $(DEMO)

test: $(DEV) ## Set up and run all tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup

test-fast: $(DEV) ## Run the tests that take seconds
	@$(BIN)/python -m pytest -q -m "not slow"

check: $(DEV) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

dev: $(RUN) ## Open the Dagster UI on the demo cohort (WORKSPACE=data make dev: the real cities)
	@$(BIN)/ssc-index demo --workspace $(DEMO) --if-absent
	@$(BIN)/ssc-index dev --workspace $(if $(filter command line environment,$(origin WORKSPACE)),$(WORKSPACE),$(DEMO))

bench: $(DEV) ## Print the table of speed and memory
	@$(BIN)/python -m benchmarks

pictures: $(DEV) ## Take the pictures of README and docs (needs Chromium)
	@$(BIN)/ssc-index demo --workspace $(DEMO) --if-absent
	@test -f $(DEMO)/marts/ssc_index.duckdb || $(BIN)/ssc-index build --workspace $(DEMO)
	@PYTHONPATH=. $(BIN)/python docs/pictures/make_pictures.py $(DEMO)

lock: $(DEV) ## Pin the dependencies anew, with hashes and without addresses
	cd requirements && for set in uv run server dev; do \
	  ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate $$set.in -o $$set.txt; done

clean: ## Remove everything that can be built again, the virtual environment included
	@grep -ls '^is_demo: true' workspaces/*/workspace.yaml | while read -r marker; do rm -rf "$$(dirname "$$marker")"; done
	rm -rf $(VENV) .dagster data/.dagster data/as-of data/warehouse.duckdb* data/site data/site-* data/factsheets \
	  data/factsheets-* data/audit data/audit-*
	@# Which release readers are pointed at cannot be built again.
	find data/marts -mindepth 1 ! -name 'ssc_index_release*' ! -name README.md -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	  sys.exit(None if (3, 11) <= v <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed; PYTHON=python3.12 make ... names one.")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python has no venv module. On Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/bin/uv: requirements/uv.txt | $(VENV)/bin/python
	@echo "Setting up the virtual environment ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(RUN): requirements/run.txt pyproject.toml | $(VENV)/bin/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@$(BIN)/python -c 'import pipelines.definitions, pipelines.history, pipelines.show'
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@
