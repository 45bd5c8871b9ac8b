# Every target sets up what it needs, in .venv, and a second run installs nothing.
# Needs make and Python 3.11 or newer; PYTHON=python3.13 chooses one.

BIN := .venv/bin

# More words for the command a target runs: make race ARGS="--quick"
ARGS ?=

# Where this is set, Python compiles all of our modules anew for every command and every worker.
unexport PYTHONDONTWRITEBYTECODE

# Two installs at once in one .venv would trip over each other, whatever -j says.
.NOTPARALLEL:

.PHONY: help race up learn report check format test unit test-docker screenshots chromium nogil lock clean runtime dev

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  ARGS="..." is passed on to the command; PYTHON=python3.13 chooses the interpreter.'

race: runtime ## every pool against CPU, IO and mixed work: the table and the page
	@$(BIN)/poolwise race $(ARGS)

up: runtime ## the cluster as processes of this machine, with Flower
	@$(BIN)/poolwise up $(ARGS)

learn: runtime ## the lessons: ARGS="gil", or ARGS="--all --no-predict"
	@$(BIN)/poolwise learn $(ARGS)

report: runtime ## results as one page: ARGS="runs/a.json runs/b.json"
	@$(BIN)/poolwise report $(ARGS)

check: dev ## lint, format, types, who may import whom; Dockerfile and scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck scripts/* docker/entrypoint .ci/run

format: dev ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# In the order of the folders, so that at the end of the run no core waits for one long test.
test: dev ## every ring that needs no Docker
	$(BIN)/pytest tests --ignore tests/compose -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

unit: dev ## the ring that starts no process: seconds
	$(BIN)/pytest tests/unit $(ARGS)

test-docker: dev ## the ring that needs a Docker engine
	$(BIN)/pytest tests/compose $(ARGS)

screenshots: dev ## the pictures of the Throughput page, made by its test
	POOLWISE_SCREENSHOTS=docs/images $(BIN)/pytest tests/integration/monitor -k 'drawn or without_load' $(ARGS)

chromium: ## the browser of the browser tests, where apt-get can install it
	@scripts/install-chromium

nogil: ## an environment for the lesson free-threading: PYTHON=/path/to/python3.14t
	@scripts/setup-nogil $(or $(PYTHON),python3.14t)

lock: ## remake both locks; ARGS=--upgrade moves to the newest versions
	@scripts/lock $(ARGS)

clean: ## remove .venv, builds and caches; results in runs/ stay
	rm -rf .venv .venv-nogil dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@scripts/setup runtime

dev:
	@scripts/setup dev
