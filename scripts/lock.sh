#!/usr/bin/env bash
# Pin both lists of requirements with hashes, naming no package host. uv comes from a throw-away environment.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input uv

# uv reads neither pip's certificate nor its index: told here, so that it works behind a private authority too.
pip_setting() { "$scratch/venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true; }
export SSL_CERT_FILE=${SSL_CERT_FILE:-${PIP_CERT:-$(pip_setting cert)}}
export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(pip_setting index-url)}}
[[ -n $SSL_CERT_FILE ]] || unset SSL_CERT_FILE
[[ -n $UV_DEFAULT_INDEX ]] || unset UV_DEFAULT_INDEX

for name in requirements requirements-dev; do
    "$scratch/venv/bin/uv" pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --output-file "$name.lock" "$name.in"
done
