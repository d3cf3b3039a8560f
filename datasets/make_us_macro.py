"""Make us-macro.npz from the macrodata of statsmodels: years × quarters × indicators."""

from pathlib import Path

import numpy as np
import statsmodels.api as sm

FIRST, LAST = 1960, 2008
LEVELS = ["realgdp", "realcons", "realinv", "realgovt", "realdpi", "cpi", "m1"]

data = sm.datasets.macrodata.load_pandas().data
growth = 100 * np.diff(np.log(data[LEVELS].to_numpy()), axis=0)
change = np.diff(data["unemp"].to_numpy())
table = np.column_stack([growth, change])
year = data["year"].to_numpy()[1:].astype(int)
quarter = data["quarter"].to_numpy()[1:].astype(int)

keep = (year >= FIRST) & (year <= LAST)
years = np.arange(FIRST, LAST + 1)
assert np.array_equal(year[keep], np.repeat(years, 4))
assert np.array_equal(quarter[keep], np.tile([1, 2, 3, 4], years.size))

np.savez_compressed(
    Path(__file__).with_name("us-macro.npz"),
    x=table[keep].reshape(years.size, 4, len(LEVELS) + 1),
    row_names=np.array(["Q1", "Q2", "Q3", "Q4"]),
    col_names=np.array(LEVELS + ["unemp"]),
    sample_names=years.astype(str),
)
