#!/usr/bin/env bash
# Installs what a build needs and is not there: OpenBLAS with its headers, pkg-config, a C compiler.
set -euo pipefail

need=()
command -v pkg-config >/dev/null 2>&1 || need+=(pkg-config)
command -v cc >/dev/null 2>&1 || need+=(gcc libc6-dev)
if command -v pkg-config >/dev/null 2>&1; then
  pkg-config --exists openblas || need+=(libopenblas-dev)
else
  need+=(libopenblas-dev)
fi

if ! command -v cargo >/dev/null 2>&1; then
  echo "setup: Rust (cargo, 1.89 or newer) is missing: install it with rustup or your system's packages" >&2
  exit 1
fi
[ "${#need[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: please install with your package manager: ${need[*]}" >&2
  echo "setup: (Fedora: openblas-devel pkgconf gcc; Arch: openblas pkgconf gcc; macOS: brew install openblas pkg-config)" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  sudo=()
elif command -v sudo >/dev/null 2>&1; then
  sudo=(sudo)
else
  echo "setup: run as root: apt-get install ${need[*]}" >&2
  exit 1
fi
echo "setup: installing ${need[*]}"
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
