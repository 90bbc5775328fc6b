"""Training at equal work: both engines of skreg, scikit-learn, and the floor.

The same data, epochs, minibatches, seed and dtype, one BLAS thread, taking turns. The
floor is the time of the bare matrix products of the same shapes and layouts, with
nothing around them; NumPy multiplies there.

    python benchmarks/training_speed.py [--repeats 9] [--output FILE.md]

Ratios are medians over repeats of process times taken in turn; the weights that all
end with are compared as well. Every engine trains once before, so that no time is one
of compilation. Where numba is missing there are no columns of the compiled engine. A
second table is of wall times with the threads that BLAS takes by default, which is what
users see. ``--tables`` chooses one of the two.
"""

import argparse
import warnings
from functools import partial

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from _engines import (
    ENGINES,
    NAMES,
    SCIKIT_LEARN,
    header,
    in_turn,
    ratio_names,
    row,
    trained_by,
    versions,
)
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP

import skreg

# rows, inputs, hidden units, batch size, classes, epochs
CASES = [
    (1_000, 20, (100,), 200, 3, 60),
    (10_000, 50, (100,), 200, 3, 8),
    (10_000, 50, (256, 256), 200, 3, 3),
    (5_000, 784, (256,), 128, 10, 3),
]
# More of them with default threads: products and vectors of sizes at which BLAS starts
# threads too soon, and a layer that is large.
CASES_WITH_THREADS = [
    *CASES,
    (600, 264, (100,), 200, 3, 60),
    (1_797, 64, (256,), 200, 10, 20),
    (5_000, 784, (256,), 200, 10, 3),
    (10_000, 1_024, (2_048,), 200, 10, 1),
]


def floor_of_epoch(n_rows, layer_units, batch_size, dtype):
    """One epoch's matrix products on arrays that lie in memory as those of training."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return rng.normal(size=shape).astype(dtype)

    sizes = [batch_size] * (n_rows // batch_size)
    if n_rows % batch_size:
        sizes.append(n_rows % batch_size)
    layers = list(zip(layer_units[:-1], layer_units[1:], strict=True))
    operands = {
        size: [
            (array(fan_in, fan_out), array(size, fan_in), array(fan_out, size))
            for fan_in, fan_out in layers
        ]
        for size in set(sizes)
    }

    def run():
        for size in sizes:
            for index, (W, H, delta) in enumerate(operands[size]):
                W.T @ H.T  # forward
                H.T @ delta.T  # gradient
                if index:
                    W @ delta  # backward

    return run


def prepare(case, dtype):
    """Data, and the two networks that do the same with it."""
    n_rows, n_inputs, hidden, batch_size, n_classes, n_epochs = case
    rng = np.random.RandomState(1)
    X = rng.normal(size=(n_rows, n_inputs)).astype(dtype)
    y = rng.randint(n_classes, size=n_rows)
    shared = {
        "batch_size": batch_size,
        "max_iter": n_epochs,
        "n_iter_no_change": n_epochs,
        "random_state": 0,
    }
    ours = skreg.MLPClassifier(hidden, alpha=1e-4 / batch_size, **shared)
    theirs = ScikitLearnMLP(hidden, alpha=1e-4, **shared)
    return X, y, ours, theirs


def fit_of(is_ours, index, dtype):
    """The fit of a case, to be timed."""
    X, y, ours, theirs = prepare(CASES_WITH_THREADS[index], dtype)
    return partial((ours if is_ours else theirs).fit, X, y)


def thread_pieces():
    """For `_threads.table`: the fits of skreg and of scikit-learn, by case."""
    return tuple(
        {
            f"{name_of(case)}, {dtype}": (__file__, "fit_of", is_ours, index, dtype)
            for index, case in enumerate(CASES_WITH_THREADS)
            for dtype in ("float64", "float32")
        }
        for is_ours in (True, False)
    )


def name_of(case):
    return f"{case[0]} x {case[1]}, {case[2]}, {case[3]}"


def ratios():
    """The pairs of names whose times are divided, in the order of the columns."""
    names = [NAMES[engine] for engine in ENGINES]
    return [
        *((SCIKIT_LEARN, name) for name in names),
        *((name, "floor") for name in names),
        (SCIKIT_LEARN, "floor"),
    ]


def run_case(case, dtype, repeats):
    """The ratios of a case, a list of values each, and the difference of weights."""
    n_rows, n_inputs, hidden, batch_size, n_classes, n_epochs = case
    X, y, ours, theirs = prepare(case, dtype)
    floor = floor_of_epoch(n_rows, (n_inputs, *hidden, n_classes), batch_size, dtype)
    models = {engine: clone(ours) for engine in ENGINES}
    fits = {
        NAMES[engine]: trained_by(engine, model.fit, X, y)
        for engine, model in models.items()
    }
    for fit in fits.values():
        fit()
    floor()
    calls = {
        SCIKIT_LEARN: partial(theirs.fit, X, y),
        **fits,
        "floor": lambda: [floor() for _ in range(n_epochs)],
    }
    seconds = in_turn(calls, repeats)
    assert all(model.engine_ == engine for engine, model in models.items())
    gap = max(
        np.abs(a - b).max()
        for model in models.values()
        for a, b in zip(model.coefs_, theirs.coefs_, strict=True)
    )
    return [seconds[a] / seconds[b] for a, b in ratios()], gap


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--output", default=None)
    tables = {"equal-work": equal_work, "threads": default_threads}
    parser.add_argument("--tables", nargs="+", choices=tables, default=list(tables))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = []
    for name in arguments.tables:
        for line in tables[name](arguments.repeats):
            print(line, flush=True)
            lines.append(line)
        lines.append("")
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write("\n".join(lines[:-1]) + "\n")


def default_threads(repeats):
    """Yield the lines of the table of default threads."""
    yield "## With default threads"
    yield ""
    yield f"`python benchmarks/training_speed.py --tables threads --repeats {repeats}`"
    yield ""
    yield _threads.description(repeats)
    yield ""
    ours, theirs = thread_pieces()
    yield from _threads.table(ours, repeats, theirs)


def equal_work(repeats):
    """Yield the lines of the table with one thread."""
    columns = ["n x d, h, batch", "dtype", *ratio_names(ratios())]
    columns.append("largest difference of weights")
    yield from [
        "# Training at equal work",
        "",
        f"`python benchmarks/training_speed.py --repeats {repeats}`; {versions()}, one "
        "BLAS thread. Median (smallest to largest) over repeats of process times taken "
        "in turn.",
        "",
        header(columns),
    ]
    for case in CASES:
        for dtype in (np.float64, np.float32):
            values, gap = run_case(case, dtype, repeats)
            cells = [name_of(case), np.dtype(dtype).name]
            cells += [*map(_threads.spread, values), f"{gap:.1e}"]
            yield row(cells)


if __name__ == "__main__":
    main()
