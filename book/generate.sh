#!/usr/bin/env bash
# Makes every output that the book shows: book/generated/*.txt, from the examples and the program.
set -euo pipefail
cd "$(dirname "$0")/.."
out=book/generated
mkdir -p "$out"
# BOOK_PROFILE=dev makes the same outputs from a quick build (only the seconds differ).
profile=${BOOK_PROFILE:-release}
cargo build --profile "$profile" --quiet --bin kronfit --examples
bin=target/$profile
[ "$profile" != dev ] || bin=target/debug

# run NAME COMMAND…: the output, written only when the command worked (1: a fit did not converge).
run() {
  local name=$1 code=0
  shift
  "$@" >"$out/$name.tmp" 2>&1 || code=$?
  if [ "$code" -gt 1 ]; then
    cat "$out/$name.tmp" >&2
    echo "book: $* failed with code $code" >&2
    exit 1
  fi
  mv "$out/$name.tmp" "$out/$name.txt"
}

kronfit=$bin/kronfit
run datasets "$kronfit" datasets
run fit-us-macro "$kronfit" fit us-macro
for model in gaussian kronecker-t matrix-t; do
  run "us-macro-$model" "$kronfit" fit us-macro --model "$model" --json -
done
python3 book/laws_table.py "$out"/us-macro-{gaussian,kronecker-t,matrix-t}.txt >"$out/us-macro-laws.md"
run help "$kronfit" --help
for command in fit compare test outliers robust score classify simulate study derive; do
  run "help-$command" "$kronfit" "$command" --help
done
run derive "$kronfit" derive log-quadratic
# An end that is not a maximum: exit code 1, and the report is printed all the same.
run not-converged "$kronfit" fit us-macro --method flip-flop --max-iter 3
run compare-us-macro "$kronfit" compare us-macro \
  --structures 'unstructured*unstructured,compound-symmetry*unstructured,ar1*unstructured,toeplitz*unstructured,diagonal*unstructured,unstructured*diagonal'
run separability-us-macro "$kronfit" test us-macro separability --bootstrap 999 --seed 1
for rows in ar1 compound-symmetry; do
  run "$rows-us-macro" "$kronfit" test us-macro "rows=$rows" --model kronecker-t --bootstrap 199 --seed 1
done
run gaussian-us-macro "$kronfit" test us-macro gaussian=kronecker-t --bootstrap 199 --seed 1
for example in examples/*.rs; do
  name=$(basename "$example" .rs)
  case $name in figures | us_macro | separability_test | published_studies | wald_coverage) continue ;; esac
  run "$name" "$bin/examples/$name"
done
rm -rf book/src/figures
run figures "$bin/examples/figures" book/src/figures
run us_macro "$bin/examples/us_macro" book/src/figures/us-macro
run separability_test "$bin/examples/separability_test" 2000 book/src/figures
run wald_coverage "$bin/examples/wald_coverage" 10000
run outliers-us-macro "$kronfit" outliers us-macro --model kronecker-t --rows compound-symmetry --plot book/src/figures/us-macro
for study in existence efficiency robustness coverage; do
  run "study-$study" "$bin/examples/published_studies" full "$study" book/src/figures/studies
done
run us-macro-methods "$kronfit" fit us-macro --model matrix-t --dof 5 \
  --method flip-flop,newton,joint --plot book/src/figures/methods
sed -n '/^Methods/,$p' "$out/us-macro-methods.txt" >"$out/us-macro-methods-table.txt"
sed -n '/^Convergence/,/^ *certificate/p; /^Warnings/,$p' "$out/not-converged.txt" >"$out/not-converged-end.txt"
sed -n '1,12p' "$out/derive.txt" >"$out/derive-start.txt"
# What quickstart prints after the report of the fit.
sed -n '/^Correlations between/,$p' "$out/quickstart.txt" >"$out/quickstart-tail.txt"

# The book's Python, where there is NumPy.
if python3 -c 'import numpy' 2>/dev/null; then
  PATH="$PWD/$bin:$PATH" python3 book/from_numpy.py
else
  echo "book: no NumPy here: book/from_numpy.py was not run" >&2
fi
