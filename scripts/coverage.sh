#!/usr/bin/env bash
# Run pytest with the arguments given and measure branches, those of all processes that the tests start too; then hold
# the total against the floor (pyproject.toml, tool.coverage.report) and name the modules with the lowest coverage.
set -euo pipefail
cd "$(dirname "$0")/.."
# By its whole path: children have working directories of their own. `make run` wants var/ to itself.
export COVERAGE_FILE=$PWD/.coverage/data COVERAGE_CHECKOUT=$PWD
rm -rf .coverage
mkdir .coverage

.venv/bin/python -m coverage run -m pytest "$@" </dev/null
.venv/bin/python -m coverage run --source=builds,supervisor manage.py version >/dev/null # names what nobody executed
.venv/bin/python -m coverage combine --quiet
code=0
.venv/bin/python -m coverage report >.coverage/report.txt || code=$?
echo
head -n 12 .coverage/report.txt # two lines of heading, the ten lowest
grep -E '^(TOTAL|Coverage failure)' .coverage/report.txt
exit "$code"
