# Two commands are all a newcomer needs: `make demo` and `make test`.
# Both install what is missing (see scripts/setup.sh).

KRONFIT := target/release/kronfit
OUT := out/demo

# Property tests draw the same cases on every machine; another seed tries others:
# make test PROPTEST_RNG_SEED=7
export PROPTEST_RNG_SEED ?= 1

.PHONY: demo test python wheel setup fmt lint doc book clean

demo: setup
	cargo build --release
	mkdir -p $(OUT)
	$(KRONFIT) fit us-macro --model matrix-t --json $(OUT)/us-macro.json \
	  --plot $(OUT)/figures --report $(OUT)/us-macro.html --trace $(OUT)/us-macro-trace.csv
	@echo
	@echo "Written to $(OUT): us-macro.html (open it in a browser), figures/, us-macro.json, us-macro-trace.csv"

test: setup
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings
	cargo test
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet
	cargo check --no-default-features --features openblas-system
	@scripts/python.sh test

# The Python package alone: extension, linters, tests.
python: setup
	@scripts/python.sh test

# A wheel that needs nothing but NumPy, and the sdist: python/dist.
wheel: setup
	@scripts/python.sh wheel

setup:
	@scripts/setup.sh

fmt:
	cargo fmt --all

lint:
	cargo clippy --all-targets -- -D warnings

doc:
	cargo doc --no-deps --open

book: setup
	book/build.sh

clean:
	cargo clean
	rm -rf out
