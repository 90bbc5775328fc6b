"""Many networks on many sets of rows: the folds, rounds, candidates and paths.

Searches, the diagnosis and the selections of features use these functions to train
networks on sets of rows of one X. Networks ("members") that agree on what a batch must
share train side by side, and each ends as it would alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .fit import fit_each
from .tasks import Seeds, task_of

__all__ = ["Stack", "fit_members", "member_tasks", "stack_up"]


@dataclass
class Stack:
    """The data of several members, one below the other.

    Attributes
    ----------
    X, y : array or sparse matrix
    sample_weight : ndarray or None
    row_sets : list of ndarray of int
        The rows of each member, in the members' order.
    """

    X: Any
    y: Any
    sample_weight: Any
    row_sets: list


def stack_up(parts):
    """The data of members that have rows of their own, as rows of one X.

    Parameters
    ----------
    parts : list of objects with `X`, `y` and `sample_weight`
        One object a member. Either all weights are None or none is. A member whose X
        is None has no rows.

    Returns
    -------
    Stack
    """
    n_rows = [0 if part.X is None else part.X.shape[0] for part in parts]
    ends = np.cumsum([0, *n_rows]).tolist()
    row_sets = [
        np.arange(start, end) for start, end in zip(ends, ends[1:], strict=False)
    ]
    first = parts[0]
    if len(parts) == 1:
        return Stack(first.X, first.y, first.sample_weight, row_sets)
    is_sparse = sparse.issparse(first.X)
    X = (sparse.vstack if is_sparse else np.concatenate)([part.X for part in parts])
    weight = None
    if first.sample_weight is not None:
        weight = np.concatenate([part.sample_weight for part in parts])
    y = np.concatenate([part.y for part in parts])
    return Stack(X.tocsr() if is_sparse else X, y, weight, row_sets)


def member_tasks(estimators, row_sets, *, seeds=None, **options):
    """The tasks of training networks on sets of rows.

    Parameters
    ----------
    estimators : list of MLPClassifier or MLPRegressor
        One for each member, with validated parameters and the attributes of the columns
        of X. They are read and never changed.
    row_sets : list of ndarray of int or None
        The rows of each member; None means all rows.
    seeds : list of Seeds, default=None
        The seeds of each member, apart from its `random_state`. For example, members
        with equal seeds of the minibatches and different seeds of the weights share
        their minibatches and start from different weights.
    **options
        Further attributes that all the tasks have.

    Returns
    -------
    list of FitTask
    """
    if seeds is None:
        seeds = [Seeds()] * len(estimators)
    return [
        task_of(estimator, rows=rows, seeds=own, **options)
        for estimator, rows, own in zip(estimators, row_sets, seeds, strict=True)
    ]


def fit_members(estimators, X, y, row_sets, *, validation=None, **options):
    """Train networks on sets of rows, and yield each as its batch ends.

    Parameters
    ----------
    estimators, row_sets, **options
        As for `member_tasks`.
    X, y, validation
        As for `fit_each`.

    Yields
    ------
    index : int
        The position of the member in `estimators`.
    outcome : FitOutcome
        What became of it; it holds an error if the member could not be trained.
    """
    tasks = member_tasks(estimators, row_sets, **options)
    yield from fit_each(tasks, X, y, validation=validation)
