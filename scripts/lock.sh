#!/usr/bin/env bash
# Pin both lists of requirements with hashes, naming no package host. uv comes from a throw-away environment.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input uv

for name in requirements requirements-dev; do
    "$scratch/venv/bin/uv" pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --output-file "$name.lock" "$name.in"
done
