# motiflens: `make demo` installs, precomputes the embedded demo and serves it; `make test` tests.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

RUN ?= runs/demo
HOST ?= 127.0.0.1
PORT ?= 8050
SERVE ?= 1
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet

.PHONY: help install install-test demo serve test coverage lint bench lock clean

help: ## show the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) \
	  | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

# The stamp is written last, so an interrupted install is done again. An environment whose Python
# or pip does not start (moved, or interrupted while it was made) is made anew.
$(VENV)/.installed: requirements.lock
	@python=""; \
	for name in python3.11 python3.12 python3.13 python3; do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	  then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "motiflens needs Python 3.11, 3.12 or 3.13, and python3 here is $$(python3 --version 2>/dev/null || echo missing); install one of them and run make again" >&2; \
	  exit 2; \
	fi; \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  echo "making $(VENV) with $$($$python --version)"; \
	  rm -rf $(VENV); \
	  if ! $$python -m venv $(VENV) >/dev/null 2>&1; then \
	    rm -rf $(VENV); \
	    echo "$$python cannot make a virtual environment; install its venv module (Debian: apt-get install python3-venv), check the free disk space, and run make again" >&2; \
	    exit 2; \
	  fi; \
	fi
	@echo "installing PyTorch, the largest package; this takes minutes on a slow line"
	@$(PIP) "$$(grep '^torch==' requirements.lock)"
	@echo "installing the other packages of requirements.lock"
	@$(PIP) -r requirements.lock
	@touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	@echo "installing the packages of requirements-test.lock"
	@$(PIP) -r requirements-test.lock
	@touch $@

install: $(VENV)/.installed ## make the environment in .venv, nothing else

install-test: $(VENV)/.installed-test
	@if ! command -v chromium chromium-browser >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing Chromium for the browser tests"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else \
	    echo "the browser tests need Chromium, which is not installed; install it (Debian: sudo apt-get install chromium) and run make test again" >&2; \
	    exit 2; \
	  fi; \
	fi

demo: install ## install, precompute the embedded real data, serve the app (SERVE=0: do not serve)
	@$(PY) -m precompute run configs/demo.yaml
	@if [ runs/demo/report.json -ot runs/demo/manifest.json ]; then \
	  $(PY) -m precompute report runs/demo; \
	fi
	@if [ "$(SERVE)" != 0 ]; then exec $(PY) app.py --run runs/demo --host "$(HOST)" --port "$(PORT)"; fi

serve: install ## serve a run: make serve RUN=runs/demo HOST=127.0.0.1 PORT=8050
	@exec $(PY) app.py --run "$(RUN)" --host "$(HOST)" --port "$(PORT)"

lint: install-test ## style, types and import rules only
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# The browser draws with a processor of its own, so its tests run after the others, one by one.
test: lint ## style, types, import rules and every test, the browser's included
	$(PY) -m pytest -m "not browser" -n 2 --dist loadfile --durations=20
	$(PY) -m pytest -m browser --durations=10

# Tracing every line takes a third longer, so it is not part of each test run.
coverage: install-test ## what the tests run of the code; fails below the share in pyproject.toml
	$(PY) -m pytest -m "not browser" -n 2 --dist loadfile --cov --cov-report=term

bench: install-test ## the benchmarks: ratios against named peers, medians and spread
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) "$$script"; done

# CUDA's packages are left out: pip takes what the platform's own torch asks for. Versions already
# locked stay; delete a line of requirements-test.lock to have it renewed.
lock: install-test ## renew the lock files and environment.yml from pyproject.toml (needs uv)
	@uv=$$(PATH="$(VENV)/bin:$$PATH" command -v uv) || { echo "make lock needs uv: pip install uv" >&2; exit 2; }; \
	for part in "" -test; do \
	  extra=$$([ -z "$$part" ] || echo "--extra test"); \
	  grep -v '^#' requirements-test.lock > requirements.old; \
	  { echo "# make lock: uv pip compile --universal --python-version 3.11 pyproject.toml $$extra" | sed 's/ *$$//'; \
	    "$$uv" pip compile -q --universal --python-version 3.11 --no-header --no-annotate $$extra \
	      -c requirements.old pyproject.toml | grep -v -E '^(nvidia|cuda|triton)'; } > requirements.new; \
	  mv requirements.new "requirements$$part.lock"; rm requirements.old; \
	done; \
	{ sed '/^      # /q' environment.yml; \
	  sed -n 's/^[a-z].*/      - "&"/p' requirements.lock; } > environment.new; \
	mv environment.new environment.yml

clean: ## remove the environment, the runs and the caches
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
