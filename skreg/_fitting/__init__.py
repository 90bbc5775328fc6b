"""Training of networks from the settings of estimators; `fit` is the one entry."""
