# Every target makes the environment by itself; all it takes is make and Python 3.11 or newer (PYTHON=... names another).

comma := ,
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SESSION ?= local
READY := $(VENV)/ready-to-run-$(SESSION)
READY_FOR_WORK := $(VENV)/ready-to-work
WORKERS ?= 2
SEED ?= 0
MINUTES ?= 5
PIPELINES ?= 2000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test check bench soak proto clean

help: ## show what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)

run: $(READY) ## run the main job, examples/flight_delays; SESSION=process or SESSION=ray to run its nodes in processes of their own
	$(BIN)/python examples/flight_delays/program.py --session $(SESSION)

test: $(READY_FOR_WORK) ## run all tests
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(READY_FOR_WORK) ## format, lint, types, architecture, examples in the docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_docs.py

bench: $(READY_FOR_WORK) ## run the benchmarks, each beside its yardstick
	@set -e; for script in bench/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

soak: $(READY_FOR_WORK) ## run random programs with known results, simulated and on threads, each for MINUTES, and PIPELINES pipelines
	$(BIN)/python -m tests.soak --seed $(SEED) --minutes $(MINUTES)
	$(BIN)/python -m tests.soak --seed $(SEED) --minutes $(MINUTES) --threads
	$(BIN)/python -m tests.soak --seed $(SEED) --runs $(PIPELINES) --pipelines
	$(BIN)/python -m tests.soak --seed $(SEED) --runs $(PIPELINES) --pipelines --threads
	$(BIN)/python -m tests.soak --seed $(SEED) --runs 5000 --tiers
	$(BIN)/python -m tests.soak --seed $(SEED) --runs 150 --kills
	$(BIN)/python -m tests.soak --ray-claims
	$(BIN)/python -m tests.soak --seed $(SEED) --runs 20 --ray-kills
	$(BIN)/python -m tests.soak --seed $(SEED) --runs 5 --raylets

proto: $(READY_FOR_WORK) ## generate the protobuf modules anew
	$(BIN)/python -m grpc_tools.protoc -Isrc --python_out=src --pyi_out=src src/taskplan/plan/taskplan.proto src/taskplan/plan/program.proto

clean: ## remove the environment and all caches
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)

$(READY): pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[examples$(addprefix $(comma),$(filter process ray,$(SESSION)))]'
	@touch $@

$(READY_FOR_WORK): pyproject.toml $(READY)
	$(PIP) install --editable '.[examples,dev]'
	@touch $@
