"""A diagnosis in words: for a terminal, and for a notebook."""

from html import escape

from .._utils.tables import html_table
from .._utils.tables import short_number as _number

__all__ = ["as_html", "as_text", "explain", "is_cut_short"]

# How many changes are shown if there are remedies, and if there are none.
_MOST_SHOWN, _FEW_SHOWN = 6, 3

_MEANING = {
    "high bias": "it does not learn even the training rows as well as it could",
    "high variance": "it learns what is true of the training rows alone",
    "high bias and high variance": "both in comparable parts",
    "neither": "nothing that was tried is clearly better",
    "inconclusive": "the differences are within their standard errors",
}


def is_cut_short(stop_reasons):
    """Whether `max_iter` ended training in half of the folds or more.

    Parameters
    ----------
    stop_reasons : list of str
        The reason of each fold.
    """
    by_max_iter = ("max_iter", "end_of_schedule")
    n_cut = sum(reason in by_max_iter for reason in stop_reasons)
    return 0 < len(stop_reasons) <= 2 * n_cut


def explain(diagnosis):
    """The reasons for the verdict, as a list of sentences."""
    d = diagnosis
    on_training, on_classes = list(_on_training(d.stop_reasons)), list(_on_classes(d))
    # A score that does not tell models apart is named first: all errors rest on it.
    first = on_classes if d.better_scoring else on_training
    sentences = first + (on_training if d.better_scoring else on_classes)
    sentences.append(
        f"The validation error {_number(d.validation_error)} is "
        f"{_number(d.avoidable_error)} +- {d.avoidable_error_se:.1g} above the "
        f"reference {_number(d.reference_error)} ({d.reference})."
        if d.avoidable_error > 0
        else f"The validation error {_number(d.validation_error)} is no more than the "
        f"reference {_number(d.reference_error)} ({d.reference})."
    )
    if d.verdict == "inconclusive":
        sentences.append(
            "That is too uncertain for a verdict: more rows or more folds would tell."
        )
    elif d.verdict == "neither":
        sentences.append(
            f"The gap of {_number(d.gap)} between training and validation error was "
            "not clearly reduced by anything tried."
        )
    if "bias" in d.verdict:
        sentences.append(
            f"The training error {_number(d.train_error)} is itself "
            f"{_number(d.train_error - d.reference_error)} above the reference."
        )
    if "variance" in d.verdict:
        share = ""
        if d.baseline_error > 0:
            share = f", {d.gap / d.baseline_error:.0%} of the error of a constant"
            share += " prediction"
        sentences.append(
            f"The validation error is {_number(d.gap)} above the training error{share}."
        )
    sentences += _on_rows(d)
    return sentences


def _on_classes(d):
    """Sentences on classes that the model, or the score, does not tell apart."""
    if not d.class_counts:
        return
    n_rows = sum(d.class_counts.values())
    frequent = max(d.class_counts, key=d.class_counts.get)
    rarest = min(d.class_counts, key=d.class_counts.get)
    if d.only_class is None:
        yield (
            "Nothing that was tried has a clearly smaller error than predicting the "
            f"class {frequent!r} for all rows."
        )
    else:
        n_others = n_rows - d.class_counts[d.only_class]
        yield (
            f"The model predicts one class, {d.only_class!r}, for all rows, and finds "
            f"none of the {n_others} of {n_rows} rows that are of another."
        )
    if d.better_scoring:
        better = " or ".join(map(repr, d.better_scoring))
        yield (
            f"One class for all rows has an accuracy of "
            f"{d.class_counts[frequent] / n_rows:.0%}, so this scoring hardly tells it "
            f"from a good model: scoring={better} would tell."
        )
    if d.class_counts[rarest] < d.n_folds:
        yield (
            f"Of the class {rarest!r} there are fewer rows "
            f"({d.class_counts[rarest]}) than folds ({d.n_folds}), so that some are "
            "validated without it: give more rows of it, or lower cv."
        )


def _on_training(stop_reasons):
    n_folds = sum(stop_reasons.values())
    n_cut = stop_reasons.get("max_iter", 0)
    if 2 * n_cut >= n_folds > 0:
        yield (
            f"max_iter ended training in {n_cut} of {n_folds} folds, before it was "
            "done: what follows is about an unfinished fit."
        )
    if stop_reasons.get("diverged"):
        yield f"Training diverged in {stop_reasons['diverged']} of {n_folds} folds."


def _on_rows(d):
    rows, errors = d.learning_curve["n_rows"], d.learning_curve["validation_error"]
    if len(rows) < 2:
        return
    fall = errors[-2] - errors[-1]
    if fall > max(d.validation_error_se, 0):
        yield (
            f"From {rows[-2]} to {rows[-1]} rows the validation error fell by "
            f"{_number(fall)}: more rows would probably lower it further."
        )
    else:
        yield (
            f"From {rows[-2]} to {rows[-1]} rows the validation error hardly fell: "
            "more rows alone would change little."
        )


def _headline(d):
    cause = f" ({d.cause})" if d.cause else ""
    return f"{d.verdict}{cause}", _MEANING[d.verdict]


def _error_rows(d):
    yield "training error", d.train_error, d.train_error_se
    yield "validation error", d.validation_error, d.validation_error_se
    yield "gap", d.gap, d.gap_se
    yield "reference", d.reference_error, None
    yield "constant prediction", d.baseline_error, None


def _curve_rows(d):
    curve = d.learning_curve
    return zip(
        curve["n_rows"], curve["train_error"], curve["validation_error"], strict=True
    )


def _shown_changes(d):
    """The title of the table of changes, and the changes to show in it."""
    if d.remedies:
        return "What to change", d.remedies[:_MOST_SHOWN]
    return "Best of what was tried", d.tried[:_FEW_SHOWN]


def as_text(d):
    """A diagnosis as text for a terminal."""
    name, meaning = _headline(d)
    lines = [f"Verdict: {name}: {meaning}.", ""]
    lines += [f"- {sentence}" for sentence in explain(d)]
    lines.append("")
    for label, value, error in _error_rows(d):
        uncertainty = "" if error is None else f" +- {error:.1g}"
        lines.append(f"{label:<20} {_number(value):>8}{uncertainty}")
    lines += ["", "rows      training error  validation error"]
    for n_rows, train, validation in _curve_rows(d):
        lines.append(f"{n_rows:<9} {_number(train):>14}  {_number(validation):>16}")
    title, changes = _shown_changes(d)
    if changes:
        width = max(len(title), *(len(str(change)) for change in changes))
        lines += ["", f"{title:<{width}}  validation error  change"]
        for change in changes:
            lines.append(
                f"{change!s:<{width}}  {_number(change.validation_error):>16}  "
                f"{change.change:+.2g} +- {change.change_se:.1g}"
            )
    return "\n".join(lines)


def as_html(d):
    """A diagnosis as HTML for a notebook."""
    name, meaning = _headline(d)
    parts = [f"<p><strong>{escape(name)}</strong>: {escape(meaning)}.</p>", "<ul>"]
    parts += [f"<li>{escape(sentence)}</li>" for sentence in explain(d)]
    parts.append("</ul>")
    parts.append(
        html_table(
            ("error", "", "standard error"),
            [
                (label, _number(value), "" if error is None else f"{error:.1g}")
                for label, value, error in _error_rows(d)
            ],
        )
    )
    parts.append(
        html_table(
            ("rows", "training error", "validation error"),
            [(n, _number(t), _number(v)) for n, t, v in _curve_rows(d)],
        )
    )
    title, changes = _shown_changes(d)
    if changes:
        parts.append(
            html_table(
                (title, "validation error", "change", "standard error"),
                [
                    (
                        change,
                        _number(change.validation_error),
                        f"{change.change:+.2g}",
                        f"{change.change_se:.1g}",
                    )
                    for change in changes
                ],
            )
        )
    return "\n".join(parts)
