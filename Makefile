# BuildHub's commands. Only make and Python 3.11 are assumed: scripts/bootstrap.sh brings the rest.
.DEFAULT_GOAL := help
.PHONY: help run test coverage check fuzz engines bench storm lock
python := .venv/bin/python

# What a person's shell may have set for other projects must not change what happens here (without
# PYTHONDONTWRITEBYTECODE programs and tests are compiled once, and not at each start).
unexport DJANGO_SETTINGS_MODULE PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE PYTHONINSPECT
unexport PYTHONDONTWRITEBYTECODE
unexport COVERAGE_RCFILE COVERAGE_CORE COVERAGE_PROCESS_START COVERAGE_PROCESS_CONFIG
unexport PYTEST_ADDOPTS PYTEST_PLUGINS MYPYPATH VIRTUAL_ENV MAKEFLAGS MFLAGS MAKELEVEL

# dockerd and iptables are there, and a Debian user's PATH does not name it.
export PATH := $(PATH):/usr/sbin:/sbin

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

run: ## start everything; Ctrl-C stops it
	@scripts/bootstrap.sh run
	@exec $(python) manage.py supervise

test: ## the checks, then all tests against the real engine, registry, PostgreSQL and Chromium
	@scripts/bootstrap.sh test
	@scripts/check.sh </dev/null
	@exec $(python) -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder </dev/null

coverage: ## all tests with branch coverage of every process, held against a floor (half an hour)
	@scripts/bootstrap.sh test
	@exec scripts/coverage.sh -q -n 3 --dist loadfile --no-loadscope-reorder

check: ## format, lint, types, import contracts, migrations, templates
	@scripts/bootstrap.sh test
	@exec scripts/check.sh </dev/null

fuzz: ## tens of thousands of requests by schemathesis (make test sends a few thousand)
	@scripts/bootstrap.sh test
	@exec env BUILDHUB_TEST_FUZZ=long $(python) -m pytest -q tests/fuzz </dev/null

engines: ## builds, pushes and faults on Docker 20.10, 26.1 and the newest, both image stores (root; half an hour)
	@scripts/bootstrap.sh test
	@exec $(python) scripts/engines/table.py $(ROWS)

bench: ## ratios against a baseline of the same run
	@scripts/bootstrap.sh test
	@exec $(python) -m bench

storm: ## STORM_RUNS (200) builds while every kind of process is killed and stopped (root; 20 minutes at most)
	@scripts/bootstrap.sh test
	@exec $(python) -m bench.faults

lock: ## pin requirements.in and requirements-dev.in again
	@scripts/bootstrap.sh run
	@exec scripts/lock.sh
