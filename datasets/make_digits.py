"""Make digits.npz from the handwritten digits that come with scikit-learn."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
assert digits.images.shape == (1797, 8, 8)
assert np.array_equal(digits.images, np.round(digits.images))

np.savez_compressed(
    Path(__file__).with_name("digits.npz"),
    x=digits.images.astype(np.uint8),
    labels=digits.target.astype(np.uint8),
)
