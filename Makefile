# The few commands of this project. `make` alone says what they are.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# The tiers wait most of the time, for servers of their own in each worker. A file is one worker's, and those that
# take long come first, as they are listed; without the last option they would come last.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
export PYTHONPATH := operator:tests:.
unexport PYTHONDONTWRITEBYTECODE  # the many processes of tests and bench would each compile everything

.DEFAULT_GOAL := help
.PHONY: help programs demo test test-unit test-api test-dns lint format bench fuzz lock manifests clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## A real API server, Rollcall and three services: watch changes reach DNS (KEEP=1 stays)
	@$(BIN)/python -m demo $(if $(filter-out 0,$(KEEP)),--keep)

test: $(VENV)/installed ## Every tier that can run here: unit and api, dns where the servers are installed
	@$(BIN)/python -m controlplane fetch
	$(PYTEST) $(PARALLEL) tests

test-unit: $(VENV)/installed ## The pure core and all that needs no server: seconds
	$(PYTEST) $(PARALLEL) tests/unit

test-api: $(VENV)/installed ## Against a real etcd and kube-apiserver
	@$(BIN)/python -m controlplane fetch
	$(PYTEST) $(PARALLEL) tests/api

test-dns: $(VENV)/installed ## Against dig, kdig and the real consumers of files
	$(PYTEST) $(PARALLEL) tests/dns

programs: $(VENV)/installed ## Get every program that tests, demo and bench can use (ten minutes, once)
	@$(BIN)/python -m controlplane fetch etcd kube-apiserver kube-controller-manager coredns kubectl helm envoy nginx

lint: $(VENV)/installed ## ruff, mypy --strict, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy operator tests bench demo fuzz
	$(BIN)/lint-imports

format: $(VENV)/installed ## Let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed ## What we claim, measured, CoreDNS beside us
	@$(BIN)/python -m bench $(ARGS)

fuzz: $(VENV)/fuzz-installed ## Any octets at all, at every place where some come in (ARGS="--seconds 600" for longer)
	@$(BIN)/python -m fuzz $(ARGS)

manifests: $(VENV)/installed ## Make manifests/install.yaml from the chart
	@$(BIN)/python manifests/generate.py "$$($(BIN)/python -m controlplane fetch helm | cut -f2)"

lock: $(VENV)/installed ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --group fuzz -o requirements-fuzz.lock

clean: ## Remove what was built here; the cache of programs stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

$(VENV)/installed: pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing Rollcall into $(VENV) (once, about 30 s)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/fuzz-installed: requirements-fuzz.lock | $(VENV)/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $< || \
		{ echo "The fuzzer has no build for this machine; Linux with Python 3.11 to 3.14 has one."; exit 1; }
	@touch $@
