"""Private names of scikit-learn that several packages use.

These and those of the searches, in `model_selection/_sklearn_private.py`, are all that
the package takes from behind scikit-learn's underscores: a change there meets these two
files and their tests.
"""

from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    Options,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "HasMethods",
    "Hidden",
    "Interval",
    "Options",
    "RealNotInt",
    "StrOptions",
    "check_sample_weight",
    "num_samples",
    "safe_indexing",
]
