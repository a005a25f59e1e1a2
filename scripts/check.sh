#!/usr/bin/env bash
# The checks, the same here and in CI: all run, then the failed ones are named.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=()

# check NAME COMMAND...: run quietly; show the output of a check that fails.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        printf '%s\n' "$output"
        failed+=("$name")
    fi
}

check "format" $bin/ruff format --check .
check "lint" $bin/ruff check .
check "types" $bin/mypy
check "import contracts" $bin/lint-imports
check "migrations" $bin/python -m tests.support.with_postgres -- $bin/python manage.py makemigrations --check --dry-run
check "deployment settings" $bin/python -m tests.support.with_postgres -- env BUILDHUB_PUBLIC_URL=https://buildhub.example \
    $bin/python manage.py check --deploy --fail-level WARNING
check "templates, lint" $bin/djlint templates --lint --quiet

if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
