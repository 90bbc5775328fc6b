"""Full-batch solvers: L-BFGS on SciPy, and accelerated proximal gradient.

Both minimize the objective of one model and are called alike (see `run.Run`)::

    reason = solver(objective, params, progress, max_iter=..., max_fun=..., tol=...)
"""

from .fista import fista
from .lbfgs import lbfgs

__all__ = ["fista", "lbfgs"]
