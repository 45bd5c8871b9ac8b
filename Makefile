# Targets set up .venv as needed; if it is up to date, nothing is installed.
# Needs make and Python 3.11 or newer; choose an interpreter with PYTHON=python3.13.

BIN := .venv/bin

# Extra arguments for the command that a target runs: make race ARGS="--quick"
ARGS ?=

# The Redis or Valkey server for test-lease; the embedded one if empty.
SERVER ?=

# If this were set, every command and every worker would recompile all of Poolwise's modules.
unexport PYTHONDONTWRITEBYTECODE

# Parallel installs into one .venv would break each other, so ignore -j.
.NOTPARALLEL:

.PHONY: help race up learn report check format test unit kills test-lessons test-pages test-faults test-projects test-lease test-docker screenshots chromium nogil old-celery lock clean runtime dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  ARGS="..." passes options to the command; PYTHON=python3.13 chooses the interpreter.'

race: runtime ## race the pools on CPU-bound, IO-bound and mixed tasks
	@$(BIN)/poolwise race $(ARGS)

up: runtime ## run the cluster and Flower as local processes until Ctrl-C
	@$(BIN)/poolwise up $(ARGS)

learn: runtime ## list the lessons, or run them: ARGS="gil" or ARGS="--all --no-predict"
	@$(BIN)/poolwise learn $(ARGS)

report: runtime ## write an HTML report from result files: ARGS="runs/a.json runs/b.json"
	@$(BIN)/poolwise report $(ARGS)

check: dev ## check lint, format, types, import rules, Dockerfile and scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck scripts/* docker/entrypoint .ci/run

format: dev ## format the code and apply ruff's automatic fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The suites with a target of their own.
SUITES := lessons pages faults projects lease old_celery compose

# Tests keep their folder order, so that a run does not end with one long test on one core.
test: dev ## run all tests except the slow suites, which have targets of their own, below
	$(BIN)/pytest tests $(SUITES:%=--ignore tests/%) -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

unit: dev ## run only the unit tests
	$(BIN)/pytest tests/unit $(ARGS)

kills: dev ## kill the commands 100 times at random moments; fail if a process is left
	$(BIN)/python -m tests.hostile.kills $(ARGS)

test-lessons: dev ## test every lesson on real workers; POOLWISE_PYTHON names a Python without the GIL
	$(BIN)/pytest tests/lessons -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-pages: dev ## test the reports, Flower and its Throughput page in Chromium
	$(BIN)/pytest tests/pages -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-faults: dev ## test what is lost while workers, brokers and connections fail
	$(BIN)/pytest tests/faults -n 2 --dist loadfile $(ARGS)

test-projects: dev ## test advise, race and observe on small projects
	$(BIN)/pytest tests/projects -n 2 --dist loadfile $(ARGS)

test-lease: dev ## test kombu_lease: kill, stop and cut off workers and brokers; SERVER=/usr/bin/redis-server chooses the Redis to test with
	POOLWISE_TEST_SERVER=$(SERVER) $(BIN)/pytest tests/lease -n 2 --dist load $(ARGS)

old-celery: dev ## test worker.probe on Celery 5.2 to 5.6, advise, race and observe on projects with 5.3, and kombu_lease on 5.5 and 5.6; installs each version in its own .venv-celery-…
	$(BIN)/pytest tests/old_celery $(ARGS)

test-docker: dev ## run the tests that need a Docker engine
	$(BIN)/pytest tests/compose $(ARGS)

screenshots: dev ## update the pictures of the pages in docs/images
	POOLWISE_SCREENSHOTS=docs/images $(BIN)/pytest tests/pages/monitor tests/pages/test_pictures.py -k 'drawn or without_load' $(ARGS)

chromium: ## install Chromium for the browser tests, with apt-get
	@scripts/install-chromium

nogil: ## create .venv-nogil for the lesson free-threading: PYTHON=/path/to/python3.14t
	@scripts/setup-nogil $(or $(PYTHON),python3.14t)

lock: ## update the lock files; ARGS=--upgrade moves to the newest versions
	@scripts/lock $(ARGS)

clean: ## remove .venv, builds and caches; keep the results in runs/
	rm -rf .venv .venv-nogil .venv-celery-* .venv-peer-* dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@scripts/setup runtime

dev:
	@scripts/setup dev
