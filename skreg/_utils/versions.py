"""Pickles know which versions wrote them."""

import sys

import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from .warnings import warn

__all__ = ["VersionedMixin"]

_KEY = "_pickled_by"


def _versions():
    return {
        "skreg": sys.modules["skreg"].__version__,
        "scikit-learn": sklearn.__version__,
    }


class _OtherVersions(InconsistentVersionWarning):
    """A scikit-learn's warning, so that filters of its category hold for this one."""

    def __init__(self, estimator_name, before, now):
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=now["scikit-learn"],
            original_sklearn_version=before.get("scikit-learn"),
        )
        self._before, self._now = before, now

    def __str__(self):
        before, now = (
            " and ".join(f"{name} {version}" for name, version in versions.items())
            for versions in (self._before, self._now)
        )
        return (
            f"{self.estimator_name} was pickled with {before}, and is loaded with "
            f"{now}. It may fail, or predict something else: fit it anew, or load it "
            "with the versions that it was pickled with."
        )


class VersionedMixin:
    """A mixin whose pickles warn if they are loaded by other versions.

    It stands before `BaseEstimator` among the base classes, which does this for the
    estimators of scikit-learn alone. A state without versions, such as that of a
    subclass with a `__getstate__` of its own, is loaded without a word.
    """

    def __getstate__(self):
        # A fitted estimator depends on scikit-learn as well, for its checks and scores.
        return {**super().__getstate__(), _KEY: _versions()}

    def __setstate__(self, state):
        state, now = dict(state), _versions()
        before = state.pop(_KEY, now)
        if before != now:
            warn(_OtherVersions(type(self).__name__, before, now))
        super().__setstate__(state)
