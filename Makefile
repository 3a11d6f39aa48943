# Every target sets up what it needs: a fresh machine has git, make and Python 3.11 or newer, nothing else.

.DEFAULT_GOAL := help
.PHONY: help env demo quick test future check format gen fuzz bench docs wheel shim-all calendar lock clean foreign

PY := .venv/bin/python
SOURCES := ctp2 tools examples benchmarks tests hatch_build.py
SEED ?= 1
COMMANDS ?= 1000000
JOBS ?= 2
KILLS ?= 200
FRAMES ?= 1000000
STREAMS ?= 50000

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 18

.venv/.ready: requirements-dev.lock pyproject.toml tools/ensure_env.py
	@command -v python3 >/dev/null || command -v python >/dev/null || \
	  { echo 'ctp2: Python 3.11 or newer is needed and no python3 was found (Debian: apt-get install python3 python3-venv)' >&2; exit 1; }
	@$$(command -v python3 || command -v python) tools/ensure_env.py

env: .venv/.ready  ## the development environment

demo: env  ## a strategy trades a recorded day in the embedded counter
	@.venv/bin/ctp2 demo

quick: env  ## tests that need nothing but this folder
	$(PY) -m pytest -q -n $(JOBS) -m 'not foreign and not slow'

foreign: env
	@$(PY) tools/foreign.py

test: env foreign  ## all tests
	$(PY) -m pytest -q -n $(JOBS) --durations=10
	JOBS=$(JOBS) $(PY) tools/future.py

future: env  ## the tests that live in the machine's own time, in March 2027
	JOBS=$(JOBS) $(PY) tools/future.py

check: env  ## format, lint, types, import rules, generated files, public names, rows of the specification that nothing shows
	$(PY) -m ruff format --check $(wildcard $(SOURCES))
	$(PY) -m ruff check $(wildcard $(SOURCES))
	$(PY) -m mypy
	$(PY) -m mypy --platform win32 ctp2
	$(PY) -m mypy --platform darwin ctp2
	$(PY) tools/gen_ctp.py check
	$(PY) tools/spec_rows.py
	$(PY) tools/gen_capabilities.py check
	$(PY) -m pytest -q tests/test_architecture.py tests/test_platforms.py tests/test_docs.py tests/test_public_names.py

format: env  ## format and mend what can be mended
	$(PY) -m ruff format $(wildcard $(SOURCES))
	$(PY) -m ruff check --fix $(wildcard $(SOURCES))

gen: env  ## generated files from the schemas, tables of the documents from the code
	$(PY) tools/gen_ctp.py generate
	$(PY) tools/gen_capabilities.py generate

fuzz: env  ## a million random commands against an independent judge, 200 killed counters, a million frames, 50,000 hostile fronts, quick tests in 2027: make fuzz SEED=7
	$(PY) -m tests.tts.fuzz --seed $(SEED) --commands $(COMMANDS) --jobs $(JOBS)
	$(PY) -m tests.tts.killing --seed $(SEED) --rounds $(KILLS)
	$(PY) -m tests.front.fuzz --seed $(SEED) --frames $(FRAMES)
	$(PY) -m tests.shim.cxx_fuzz --seed $(SEED) --streams $(STREAMS)
	$(PY) tools/future.py $(PY) -m pytest -q -n $(JOBS) -m 'not foreign and not slow'

bench: env  ## the figures of the compiled package, written into both READMEs (PURE=1: of the pure one, printed only)
	$(if $(PURE),,PYTHONPATH=$$($(PY) tools/foreign.py site)) $(PY) benchmarks/run.py $(if $(PURE),,--write)

docs: env  ## check the documents: links, commands, addresses
	$(PY) -m pytest -q tests/test_docs.py

wheel: env  ## the native wheel and the sdist, in dist/
	rm -rf dist
	CTP2_BUILD=native $(PY) -m build --no-isolation --outdir dist .

shim-all: env  ## the native libraries of all revisions for Linux, Windows and macOS, in dist/shim
	$(PY) -m tools.shim_all dist/shim

calendar: env  ## next year's trading days, from exchange_calendars
	$(PY) tools/gen_calendar.py generate

lock: env  ## newest versions into requirements-dev.lock
	$(PY) -m venv .cache/lock && .cache/lock/bin/python -m pip install --quiet --upgrade uv
	.cache/lock/bin/python tools/lock.py

clean:  ## remove everything that can be made again
	rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
