"""How estimators show themselves: a link to the documentation, and no long arrays."""

import sys

import numpy as np

__all__ = ["SITE", "PresentationMixin", "short_arrays"]

# The same address as in pyproject.toml, which an installed package does not have.
SITE = "https://skreg.github.io/skreg/"

# A text has about as many lines as a screen at most.
_MOST_LINES = 20


def short_arrays():
    """A context in which NumPy prints only the ends of long arrays."""
    return np.printoptions(threshold=20, edgeitems=2)


class PresentationMixin:
    """A mixin for how an estimator is shown in a terminal and in a notebook.

    It stands before `BaseEstimator` among the base classes, which would print arrays of
    up to 1,000 values and link to scikit-learn's pages. The link leads to the page of
    the class in the reference, and from each parameter to its text there. Subclasses in
    other libraries have no link, as scikit-learn asks.
    """

    _doc_link_module = "skreg"
    _doc_link_template = SITE + "api/generated/{module}.{name}.html"

    def _doc_link_url_param_generator(self):
        name, package = type(self).__name__, type(self).__module__.split(".")[1]
        # The reference has a class under the shortest of its names.
        is_short = name in sys.modules["skreg"].__all__
        return {"module": "skreg" if is_short else f"skreg.{package}", "name": name}

    # `__repr__` stays scikit-learn's, which tells it what it can print in lines.
    def __str__(self):
        with short_arrays():
            # scikit-learn limits the characters, and deep nesting has few in a line.
            for n_characters in (700, 450, 300, 200, 100):
                text = self.__repr__(N_CHAR_MAX=n_characters)
                if text.count("\n") < _MOST_LINES:
                    break
        return text
