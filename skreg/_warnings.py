"""Warnings that point at the user's line."""

import sys
import warnings

__all__ = ["warn"]

# What may stand between a user's call and a warning, in any number of frames: the
# decorators of scikit-learn, its pipelines and searches, joblib's loops.
_PASSED_OVER = {"skreg", "sklearn", "joblib"}


def warn(message, category=UserWarning):
    """Warn at the first frame outside of this package, scikit-learn and joblib.

    Parameters
    ----------
    message : str or Warning
    category : subclass of Warning, default=UserWarning
        Of a text.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame) in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
