#!/bin/sh
# Makes .venv in the checkout hold exactly what a lock says: `deploy/setup/venv.sh runtime|dev`.
# Needs Python 3.11 or newer (PYTHON, default python3) with venv, and a package index; no root. Does nothing if all is there.
set -eu
cd "$(dirname "$0")/../.."
wanted=${1:?runtime or dev}
python=${PYTHON:-python3}

say() { echo "setup: $*" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "Python 3.11 or newer is needed; '$python' is not. Name another one: make setup PYTHON=/path/to/python3.12"
    exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    say "this Python has no venv with pip. Debian and Ubuntu: apt-get install python3-venv; or name another one by PYTHON=…"
    exit 1
}

# A venv is tied to its path and its Python; the locks and the project's own metadata say what is in it.
key=$("$python" - requirements.txt requirements-dev.txt deploy/setup/uv.txt pyproject.toml <<'PY'
import hashlib, os, pathlib, sys
parts = [os.getcwd(), sys.version, sys.executable, *(pathlib.Path(name).read_text() for name in sys.argv[1:])]
print(hashlib.sha256("\0".join(parts).encode()).hexdigest())
PY
)
stamp=.venv/setup.stamp
if [ -e "$stamp" ]; then
    read -r made have <"$stamp"
    if [ "$made" != "$key" ]; then
        rm -rf .venv
    elif [ "$have" = dev ] || [ "$have" = "$wanted" ]; then
        exit 0
    fi
else
    rm -rf .venv # none, or one that was not finished
fi

case $wanted in
    runtime) lock=requirements.txt ;;
    dev) lock=requirements-dev.txt ;;
    *) say "runtime or dev, not '$wanted'"; exit 2 ;;
esac
export PIP_DISABLE_PIP_VERSION_CHECK=1
rm -f "$stamp"
if [ ! -d .venv ]; then
    say "making .venv with $("$python" --version)"
    "$python" -m venv .venv
fi

# uv only saves time: pip does the same from the same lock where uv is not to be had or does not know the index.
with_uv() {
    [ -x .venv/bin/uv ] || .venv/bin/pip install --quiet --require-hashes -r deploy/setup/uv.txt || return 1
    .venv/bin/uv pip install --quiet --python .venv/bin/python --compile-bytecode --require-hashes -r "$lock"
}
with_pip() {
    say "uv did not do it, pip follows: this takes a minute"
    .venv/bin/pip install --quiet --require-hashes -r "$lock"
}
say "installing $lock"
with_uv || with_pip
.venv/bin/pip install --quiet --no-deps --no-build-isolation -e .
echo "$key $wanted" >"$stamp"
