"""What a search tried, and what won, as text."""

import numpy as np

__all__ = ["table_of"]

_MOST_ROWS = 20


def table_of(results):
    """A line for each candidate, the best first.

    Parameters
    ----------
    results : dict
        `cv_results_`.

    Returns
    -------
    str
    """
    order = np.argsort(results["rank"])[:_MOST_ROWS]
    lines = ["rank  weight  folds      loss  epochs  seconds  parameters"]
    for index in order:
        parameters = results["params"][index]
        said = ", ".join(f"{name}={_short(each)}" for name, each in parameters.items())
        lines.append(
            f"{results['rank'][index]:4d}  {results['weight'][index]:6.2f}  "
            f"{results['n_folds'][index]:5d}  {results['oof_loss'][index]:8.4g}  "
            f"{results['n_iter'][index]:6.0f}  {results['fit_time'][index]:7.1f}  "
            f"{said}"
        )
    n_more = len(results["rank"]) - len(order)
    if n_more:
        lines.append(f"... and {n_more} more.")
    return "\n".join(lines)


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else repr(value)
