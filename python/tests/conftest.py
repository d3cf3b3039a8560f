"""What the tests share."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
GOLDEN = ROOT / "tests" / "golden"


def golden(name):
    """A sample that other software was run on."""
    return np.load(GOLDEN / "data" / f"{name}.npy")


@pytest.fixture(scope="session")
def built():
    """The command line's program; `cargo test` builds it."""
    for kind in ("debug", "release"):
        if (path := TARGET / kind / "kronfit").exists():
            return path
    return pytest.skip("the program kronfit is not built: cargo build")


@pytest.fixture(scope="session")
def program(built):
    """Run the program for its JSON."""

    def run(*arguments):
        done = subprocess.run(
            [built, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    return run
