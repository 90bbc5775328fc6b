"""What a search tried, and what won: as `cv_results_`, and as text."""

import numpy as np

__all__ = ["results_of", "table_of"]

_MOST_ROWS = 20


def results_of(candidates, weights=None):
    """`cv_results_`: a column an entry, with an element for each candidate.

    Parameters
    ----------
    candidates : list of Candidate
    weights : ndarray of shape (n_candidates,), default=None
        Their weights in the ensemble, if there is one.

    Returns
    -------
    dict
    """

    def column(name):
        return np.array([getattr(each, name) for each in candidates])

    results = {
        "params": [each.parameters for each in candidates],
        "oof_loss": column("loss"),
        "n_folds": column("n_folds"),
        "rank": _ranks_of(candidates),
        "n_iter": column("n_iter"),
        "fit_time": column("seconds"),
        "error": [_said_by(each.error) for each in candidates],
    }
    if any(each.temperature is not None for each in candidates):
        results["temperature"] = column("temperature").astype(float)
    if weights is not None:
        results["weight"] = weights
    return results


def _ranks_of(candidates):
    """From 1: who got further comes first, and who failed last.

    The losses on a few folds say little beside those on all.
    """
    keys = [(each.error is not None, -each.n_folds, each.loss) for each in candidates]
    ranks = np.empty(len(keys), dtype=int)
    ranks[np.lexsort(np.array(keys).T[::-1])] = np.arange(1, len(keys) + 1)
    return ranks


def _said_by(error):
    return None if error is None else f"{type(error).__name__}: {error}"


def table_of(results):
    """A line for each candidate, the best first.

    Parameters
    ----------
    results : dict
        As `results_of` makes it.

    Returns
    -------
    str
    """
    order = np.argsort(results["rank"])[:_MOST_ROWS]
    lines = ["rank  weight  folds      loss  epochs  seconds  parameters"]
    lines += [
        _line_of({name: each[row] for name, each in results.items()}) for row in order
    ]
    n_more = len(results["rank"]) - len(order)
    if n_more:
        lines.append(f"... and {n_more} more.")
    return "\n".join(lines)


def _line_of(row):
    loss, epochs = f"{row['oof_loss']:.4g}", f"{row['n_iter']:.0f}"
    if row["error"] is not None:
        loss, epochs = "failed", "-"
    parameters = (f"{name}={_short(value)}" for name, value in row["params"].items())
    return (
        f"{row['rank']:4d}  {row['weight']:6.2f}  {row['n_folds']:5d}  {loss:>8}  "
        f"{epochs:>6}  {row['fit_time']:7.2f}  {', '.join(parameters)}"
    )


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else repr(value)
