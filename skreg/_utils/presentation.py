"""How estimators show themselves: a link to the documentation, and no long arrays."""

import numpy as np

__all__ = ["PresentationMixin", "short_arrays"]

# The same address as in pyproject.toml, which an installed package does not have.
_USER_GUIDE = "https://github.com/skreg/skreg/blob/main/docs/user_guide.md"

# A text has about as many lines as a screen at most.
_MOST_LINES = 20

# By the package of an estimator, or by its module.
_SECTIONS = {
    "augmentation": "#augmentation",
    "ensemble": "#ensembles-over-folds",
    "ensemble._mlp_cv": "#one-call-search-and-ensemble",
    "feature_selection": "#choosing-inputs",
    "model_selection": "#searching-penalties",
    "neural_network": "",
}


def short_arrays():
    """A context in which NumPy prints only the ends of long arrays."""
    return np.printoptions(threshold=20, edgeitems=2)


class PresentationMixin:
    """A mixin for how an estimator is shown in a terminal and in a notebook.

    It stands before `BaseEstimator` among the base classes, which would print arrays of
    up to 1,000 values and link to scikit-learn's pages. The link leads to the part of
    the guide about the estimator or its package. Subclasses in other libraries have no
    link, as scikit-learn asks.
    """

    _doc_link_module = "skreg"
    _doc_link_template = _USER_GUIDE + "{section}"

    def _doc_link_url_param_generator(self):
        module = type(self).__module__.partition(".")[2]
        package = module.partition(".")[0]
        return {"section": _SECTIONS.get(module, _SECTIONS[package])}

    # scikit-learn links each parameter and attribute to a text fragment of its pages,
    # which the guide does not have.
    def _get_params_html(self, deep=True, doc_link=""):
        return super()._get_params_html(deep)

    def _get_fitted_attr_html(self, doc_link=""):
        return super()._get_fitted_attr_html()

    # `__repr__` stays scikit-learn's, which tells it what it can print in lines.
    def __str__(self):
        with short_arrays():
            # scikit-learn limits the characters, and deep nesting has few in a line.
            for n_characters in (700, 450, 300, 200, 100):
                text = self.__repr__(N_CHAR_MAX=n_characters)
                if text.count("\n") < _MOST_LINES:
                    break
        return text
