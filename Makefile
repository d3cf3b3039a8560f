# Two commands are all a newcomer needs: `make demo` and `make test`.
# Both install what is missing (see scripts/setup.sh).

KRONFIT := target/release/kronfit
OUT := out/demo

.PHONY: demo test setup fmt lint doc book clean

demo: setup
	cargo build --release --quiet
	mkdir -p $(OUT)
	$(KRONFIT) fit us-macro --json $(OUT)/us-macro.json --trace $(OUT)/us-macro-trace.csv
	@echo
	@echo "Written: $(OUT)/us-macro.json and $(OUT)/us-macro-trace.csv"

test: setup
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet
	cargo check --no-default-features --features openblas-system

setup:
	@scripts/setup.sh

fmt:
	cargo fmt

lint:
	cargo clippy --all-targets -- -D warnings

doc:
	cargo doc --no-deps --open

clean:
	cargo clean
	rm -rf out
