"""Searches of hyper-parameters that train their candidates in lockstep."""

from ._alpha_grid import alpha_grid
from ._halving import HalvingGridSearchCV, HalvingRandomSearchCV
from ._search import GridSearchCV, RandomizedSearchCV

__all__ = [
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "RandomizedSearchCV",
    "alpha_grid",
]
