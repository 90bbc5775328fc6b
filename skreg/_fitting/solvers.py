"""The solvers by name, with what each of them can do.

The check of an estimator's parameters, its messages and the choice of how to train all
read this table. A minibatch solver is an optimizer of `_core.optimizers` that goes by
the same name; a full-batch solver is a function of `_core.solvers`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .._core.schedules import SCHEDULES
from .._core.solvers import fista, lbfgs
from .._core.tables import entry_of

__all__ = ["SOLVERS", "Solver", "named", "solver_of"]


@dataclass(frozen=True)
class Solver:
    """What a solver is, and what it can do.

    Attributes
    ----------
    name : str
    minimize : callable or None
        A full-batch solver's function; None for a minibatch solver.
    reads : tuple of str
        The parameters of an estimator that only some solvers read, and this one does.
    schedules : tuple of str
        The values of `learning_rate` that it follows. The engine can lead every
        minibatch solver through all of them; that "adam" follows none of scikit-learn's
        is scikit-learn's rule.
    penalizes_inputs : bool
        Whether it has a step for the penalty of whole inputs.
    takes_kinks : bool
        Whether it minimizes losses that are not differentiable.
    comes_to_rest : bool
        Whether it ends at a stationary point of a penalty that is not smooth, so that a
        path of penalties ends by training to convergence.
    """

    name: str
    minimize: Callable | None = None
    reads: tuple = ()
    schedules: tuple = ()
    penalizes_inputs: bool = True
    takes_kinks: bool = False
    comes_to_rest: bool = False

    def followed(self, learning_rate):
        """The name of the schedule that it follows with this `learning_rate`.

        A schedule that it does not follow does nothing, as in scikit-learn.
        """
        return learning_rate if learning_rate in self.schedules else "constant"

    def schedule_of(self, learning_rate):
        """The class of that schedule."""
        return SCHEDULES[self.followed(learning_rate)]

    @property
    def has_minibatches(self):
        """Whether it takes steps on minibatches, which dropout and augmentation need.

        Otherwise it uses all rows at once, and trains one network at a time.
        """
        return self.minimize is None


_OF_MINIBATCHES = (
    "batch_size",
    "shuffle",
    "learning_rate_init",
    "warmup_fraction",
    "weight_averaging",
)

SOLVERS = {
    solver.name: solver
    for solver in (
        Solver(
            "adam",
            reads=(*_OF_MINIBATCHES, "beta_1", "beta_2", "epsilon"),
            schedules=("constant", "cosine"),
            takes_kinks=True,
        ),
        Solver(
            "sgd",
            reads=(
                *_OF_MINIBATCHES,
                "power_t",
                "momentum",
                "nesterovs_momentum",
            ),
            schedules=tuple(SCHEDULES),
            takes_kinks=True,
        ),
        Solver("lbfgs", minimize=lbfgs, reads=("max_fun",), penalizes_inputs=False),
        Solver("fista", minimize=fista, comes_to_rest=True),
    )
}


def solver_of(name):
    """The solver of a name.

    Raises
    ------
    ValueError
        If there is none: the message names it and those that there are.
    """
    return entry_of(SOLVERS, name, "solver")


def named(ability):
    """The solvers with an ability, as a message says it: "'adam' or 'sgd'".

    Parameters
    ----------
    ability : callable
        ``ability(solver)`` is whether a solver has it.

    Returns
    -------
    str
    """
    names = [repr(solver.name) for solver in SOLVERS.values() if ability(solver)]
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
