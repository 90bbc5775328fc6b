"""Where the documentation stands: what estimators link to in notebooks."""

__all__ = ["DocumentationLinkMixin"]

# The address in pyproject.toml, which an installed package does not have.
_USER_GUIDE = "https://github.com/skreg/skreg/blob/main/docs/user_guide.md"

_SECTIONS = {
    "augmentation": "#augmentation",
    "feature_selection": "#choosing-inputs",
    "model_selection": "#searching-penalties",
    "neural_network": "",
}


class DocumentationLinkMixin:
    """The link in an estimator's HTML, to the part of the guide about its package.

    To be inherited before `BaseEstimator`, which links to scikit-learn's pages. Other
    libraries' subclasses have none, as scikit-learn asks.
    """

    _doc_link_module = "skreg"
    _doc_link_template = _USER_GUIDE + "{section}"

    def _doc_link_url_param_generator(self):
        package = type(self).__module__.split(".")[1]
        return {"section": _SECTIONS[package]}
