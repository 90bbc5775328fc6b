"""Pictures of how methods compare over sets: critical differences, time and error.

References
----------
J. Demsar (2006). Statistical comparisons of classifiers over multiple data sets.
Journal of Machine Learning Research 7, 1-30.
"""

import numpy as np
from _ranks import error_ratios, ranks_of_means, time_ratios
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.stats import friedmanchisquare, studentized_range

LEVEL = 0.05
# Names are measured in pixels of the pictures as they are saved.
DPI = 150
# By the first word of a method's name.
COLORS = {"skreg": "tab:blue", "scikit-learn": "tab:orange", "RealMLP": "tab:purple"}
OTHER_COLOR = "tab:green"
# Half a marker's width and a little more, in pixels.
MARKER = 9
# Where a name may stand beside its point, the best first; of 1 is a box's edge.
DIRECTIONS = np.array(
    [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    + [(0.5, 1), (0.5, -1), (-0.5, 1), (-0.5, -1)]
)


def color_of(method):
    for start, color in COLORS.items():
        if method.startswith(start):
            return color
    return OTHER_COLOR


# -- critical differences --------------------------------------------------------------


def nemenyi_difference(n_methods, n_sets):
    """Mean ranks that are farther apart than this differ, at `LEVEL`."""
    quantile = studentized_range.ppf(1 - LEVEL, n_methods, np.inf) / np.sqrt(2)
    return quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_sets))


def cliques(ranks, difference):
    """First and last of each longest run of sorted mean ranks that are that close."""
    runs = []
    for first, rank in enumerate(ranks):
        last = int(np.searchsorted(ranks, rank + difference, side="right")) - 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


def critical_difference(selection):
    """Mean ranks of the errors' means over splits on a line; bars join what is close.

    Returns
    -------
    Figure or None
        None with fewer than three methods or two sets, of which the tests say nothing.
    """
    ranks = ranks_of_means(selection)
    n_sets, n_methods = ranks.shape
    if n_methods < 3 or n_sets < 2:
        return None
    difference = nemenyi_difference(n_methods, n_sets)
    p_value = friedmanchisquare(*ranks.T).pvalue
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    mean_ranks = ranks.mean(axis=0)[order]
    runs = cliques(mean_ranks, difference)

    # Heights are in lines of text below the axis: first the bars, then the names, of
    # which the better half is on the left, and the others on the right.
    n_left = (n_methods + 1) // 2
    depth = 0.8 + 0.45 * len(runs)
    bottom = depth + n_left
    figure = Figure(figsize=(9, 0.3 * (bottom + 4)), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.set(ylim=(bottom, -3.2), xlim=(1 - 0.45 * n_methods, 1.45 * n_methods))
    axes.axis("off")
    axes.set_title(
        f"{selection}\nmean rank of mean errors, Friedman p = {p_value:.2g}",
        fontsize=10,
    )
    axes.plot([1, n_methods], [0, 0], color="black", lw=1.2)
    for rank in range(1, n_methods + 1):
        axes.plot([rank, rank], [-0.25, 0], color="black", lw=1.2)
        axes.text(rank, -0.35, str(rank), ha="center", va="bottom", fontsize=9)
    _draw_scale(axes, difference, n_methods)
    for level, (first, last) in enumerate(runs):
        height = 0.6 + 0.45 * level
        ends = mean_ranks[first] - 0.06, mean_ranks[last] + 0.06
        axes.plot(ends, [height, height], color="black", lw=3.5, alpha=0.75)
    for place, rank in enumerate(mean_ranks):
        is_left = place < n_left
        line = place if is_left else n_methods - 1 - place
        end = 0.7 if is_left else n_methods + 0.3
        height = depth + 0.5 + line
        method = selection.methods[order[place]]
        axes.plot(
            [rank, rank, end], [0, height, height], color=color_of(method), lw=1.1
        )
        name, number = f"{method}  ", f"{rank:.2f}"
        label = name + number if is_left else f"{number}  {method}"
        axes.text(
            end + (-0.1 if is_left else 0.1),
            height,
            label,
            ha="right" if is_left else "left",
            va="center",
            fontsize=9,
        )
    return figure


def _draw_scale(axes, difference, n_methods):
    """The length of the critical difference, above the axis."""
    length = min(difference, n_methods - 1)
    axes.plot([1, 1 + length], [-2, -2], color="black", lw=1.2)
    for end in (1, 1 + length):
        axes.plot([end, end], [-2.2, -1.8], color="black", lw=1.2)
    axes.text(
        1 + length / 2,
        -2.2,
        f"critical difference {difference:.2f} (Nemenyi, {LEVEL:.0%})",
        ha="center",
        va="bottom",
        fontsize=9,
    )


# -- time and error --------------------------------------------------------------------


def pareto_front(times, errors):
    """Places of the methods than which none is both faster and better, by time."""
    order = np.lexsort((errors, times))
    front, least = [], np.inf
    for place in order:
        if errors[place] < least:
            front.append(place)
            least = errors[place]
    return front


def time_and_error(selection, base):
    """Error against seconds of training, both in units of one method's."""
    times = time_ratios(selection.results, selection.names, selection.methods, base)
    errors = error_ratios(selection.means("error"), selection.methods, base)
    figure = Figure(figsize=(9, 6), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=f"seconds of training / {base}'s, median",
        ylabel=f"test error / {base}'s, geometric mean",
        # Room for names at both sides.
        xlim=(times.min() / 3, times.max() * 3),
        ylim=(errors.min() / 1.12, errors.max() * 1.12),
    )
    axes.set_title(
        f"{selection}\nno method is both faster and better than those on the line",
        fontsize=10,
    )
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.axhline(1, color="0.75", lw=1)
    axes.axvline(1, color="0.75", lw=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 4, 6, 8)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    front = pareto_front(times, errors)
    # A step is later and then better.
    line = np.column_stack(
        [np.repeat(times[front], 2)[1:], np.repeat(errors[front], 2)[:-1]]
    )
    axes.plot(*line.T, color="0.5", lw=1.2, zorder=1)
    colors = [color_of(method) for method in selection.methods]
    axes.scatter(times, errors, c=colors, s=40, zorder=3, edgecolors="white")
    points = np.column_stack([times, errors])
    _name_points(axes, points, selection.methods, line)
    return figure


def _name_points(axes, points, names, line):
    """Write each name where it covers nothing, as close to its point as there is room.

    Nor do names cover the line, which goes straight up or to the side from corner to
    corner. Those that are not beside their points are joined to them.
    """
    figure = axes.figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    # What is measured from here on, in pixels, must stay where it is.
    figure.set_layout_engine("none")
    at = axes.transData.transform(points)
    frame = axes.get_window_extent(renderer)
    taken = [(*(middle - MARKER), *(middle + MARKER)) for middle in at]
    corners = axes.transData.transform(line)
    for ends in zip(corners, corners[1:], strict=False):
        taken.append((*np.min(ends, axis=0), *np.max(ends, axis=0)))
    # Those in a crowd choose first: the others have room anyway.
    distances = np.sort(np.linalg.norm(at[:, None] - at, axis=2), axis=1)
    for place in np.argsort(distances[:, 1:4].sum(axis=1)):
        text = axes.text(
            *points[place],
            names[place],
            fontsize=8.5,
            ha="center",
            va="center",
            color=color_of(names[place]),
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )
        size = text.get_window_extent(renderer)
        half = np.array([size.width, size.height]) / 2 + 1
        offset, is_beside = _offset(at[place], half, taken, frame)
        middle = at[place] + offset
        taken.append((*(middle - half), *(middle + half)))
        text.set_position(axes.transData.inverted().transform(middle))
        if not is_beside:
            # The line ends at the edge of the name, and not under it.
            edge = middle - np.clip(offset, -half, half)
            ends = axes.transData.inverted().transform([at[place], edge])
            axes.plot(*ends.T, color="0.6", lw=0.7, zorder=2)


def _offset(point, half, taken, frame):
    """From a point to the middle of a free box, and whether they are side by side."""
    for gap in range(0, 300, 6):
        for direction in DIRECTIONS:
            offset = (half + MARKER + gap) * direction
            if _is_free(point + offset, half, taken, frame):
                return offset, gap == 0
    return offset, False


def _is_free(middle, half, taken, frame):
    """Whether a box lies in the frame and meets no other box."""
    (left, low), (right, high) = middle - half, middle + half
    if left < frame.x0 or right > frame.x1 or low < frame.y0 or high > frame.y1:
        return False
    return not any(
        left < x1 and right > x0 and low < y1 and high > y0 for x0, y0, x1, y1 in taken
    )
