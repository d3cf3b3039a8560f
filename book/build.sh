#!/usr/bin/env bash
# Builds the book into book/build: tools (first time only), generated outputs, HTML, checks.
# After the first build no network is needed, and none to read the book.
set -euo pipefail
cd "$(dirname "$0")"

MDBOOK_VERSION=0.5.4
KATEX_VERSION=0.19.1
tools="$PWD/../target/book-tools"
mdbook="$tools/bin/mdbook"
mkdir -p "$tools"

if [ ! -x "$mdbook" ]; then
  if command -v mdbook >/dev/null 2>&1; then
    mdbook=$(command -v mdbook)
  else
    echo "book: installing mdbook $MDBOOK_VERSION (some minutes, once)"
    # The search index is all that the book needs of mdbook's features; a quick build is enough.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
      cargo install mdbook --version "$MDBOOK_VERSION" --locked --quiet \
      --no-default-features --features search --root "$tools"
  fi
fi

katex="$tools/node_modules/katex"
if [ ! -f "$katex/dist/katex.min.css" ]; then
  command -v npm >/dev/null 2>&1 || { echo "book: npm is needed once, to fetch KaTeX" >&2; exit 1; }
  npm install --prefix "$tools" --no-save --silent --no-audit --no-fund "katex@$KATEX_VERSION"
fi

# Style and fonts travel with the book.
rm -rf src/katex
mkdir -p src/katex/fonts
cp "$katex/dist/katex.min.css" src/katex/
cp "$katex"/dist/fonts/*.woff2 src/katex/fonts/
cp "$katex/LICENSE" src/katex/LICENSE-KaTeX.txt

[ "${1:-}" = "--no-generate" ] || ./generate.sh

rm -rf build
log=$(mktemp)
trap 'rm -f "$log"' EXIT
KATEX="$katex" "$mdbook" build 2>&1 | tee "$log"
# A missing include is only a message to mdbook.
if grep -qE 'ERROR|WARN' "$log"; then
  echo "book: the messages above are errors" >&2
  exit 1
fi
python3 check_links.py
echo "book: open book/build/index.html"
