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

.PHONY: help install install-test demo serve test lint bench lock clean

help: ## show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

# The stamp is written last, so an interrupted install is done again.
$(VENV)/.installed: requirements.lock
	@python=""; \
	for name in python3.11 python3.12 python3.13 python3; do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	  then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "no Python 3.11, 3.12 or 3.13 found (python3 is $$(python3 --version 2>&1 || echo missing)); install one and run make again" >&2; \
	  exit 2; \
	fi; \
	if [ ! -x $(PY) ]; then \
	  $$python -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "$$python cannot make a virtual environment; install its venv module (Debian: apt-get install python3-venv) and run make again" >&2; exit 2; }; \
	fi
	$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' requirements.lock)"
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-test.lock
	@touch $@

install: $(VENV)/.installed ## make the environment in .venv, nothing else

install-test: $(VENV)/.installed-test
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else \
	    echo "the browser tests need Chromium, which is not installed; install it (Debian: apt-get install chromium) and run make test again" >&2; exit 2; \
	  fi; \
	fi

demo: install ## install, precompute the embedded real data, serve the app (SERVE=0: do not serve)
	$(PY) -m precompute run configs/demo.yaml
	@if [ "$(SERVE)" != 0 ]; then exec $(PY) app.py --run runs/demo --host $(HOST) --port $(PORT); fi

serve: install ## serve a run: make serve RUN=runs/demo PORT=8050
	@exec $(PY) app.py --run $(RUN) --host $(HOST) --port $(PORT)

lint: install-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

test: lint ## lint, types, import contracts and every test, the browser's included
	$(PY) -m pytest

bench: install-test ## the benchmarks: ratios against named peers, medians and spread
	@for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script; done

# CUDA packages are left out: pip takes what the platform's own torch asks for.
lock: install-test ## renew the lock files from pyproject.toml (needs uv)
	for part in "" -test; do \
	  extra=$$([ -z "$$part" ] || echo "--extra test"); \
	  { echo "# make lock: uv pip compile --universal --python-version 3.11 pyproject.toml $$extra"; \
	    uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate $$extra pyproject.toml \
	    | grep -v -E '^(nvidia|cuda|triton)'; } > requirements$$part.lock.new; \
	  mv requirements$$part.lock.new requirements$$part.lock; \
	done

clean: ## remove the environment and the runs
	rm -rf $(VENV) runs
