"""Searches of hyper-parameters that train their candidates in lockstep."""

from ._search import GridSearchCV, RandomizedSearchCV

__all__ = ["GridSearchCV", "RandomizedSearchCV"]
