#!/bin/sh
# Writes the locks anew from pyproject.toml; arguments go to uv, as `--upgrade` or `--upgrade-package NAME`.
set -eu
cd "$(dirname "$0")/../.."

compile() {
    output=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --output-file "$output" "$@"
}

# setuptools, since the project itself is installed from the checkout without build isolation.
echo "setuptools>=77" | compile requirements.txt pyproject.toml - "$@"
echo "setuptools>=77" | compile requirements-dev.txt --extra dev --constraint requirements.txt pyproject.toml - "$@"
echo "uv" | compile deploy/setup/uv.txt - "$@"
