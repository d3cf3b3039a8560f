"""Make grunfeld.npz from the investment data that come with statsmodels: firms × years × variables."""

from pathlib import Path

import numpy as np
import statsmodels.api as sm

VARIABLES = ["invest", "value", "capital"]

data = sm.datasets.grunfeld.load_pandas().data
firms = list(dict.fromkeys(data["firm"]))
years = np.arange(1935, 1955)
x = np.empty((len(firms), years.size, len(VARIABLES)))
for position, firm in enumerate(firms):
    part = data[data["firm"] == firm].sort_values("year")
    assert np.array_equal(part["year"].to_numpy().astype(int), years)
    x[position] = part[VARIABLES].to_numpy()

np.savez_compressed(
    Path(__file__).with_name("grunfeld.npz"),
    x=x,
    row_names=years.astype(str),
    col_names=np.array(VARIABLES),
    sample_names=np.array(firms, dtype=str),
)
