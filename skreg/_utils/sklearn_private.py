"""Private names of scikit-learn that several packages use.

The package uses no other private names of scikit-learn than these and those of the
searches, in `model_selection/_sklearn_private.py`. So a change of these names concerns
only two files.
"""

from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    Options,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.extmath import _approximate_mode as approximate_mode
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "HasMethods",
    "Hidden",
    "Interval",
    "Options",
    "RealNotInt",
    "StrOptions",
    "approximate_mode",
    "check_sample_weight",
    "num_samples",
    "safe_indexing",
    "validate_parameter_constraints",
]
