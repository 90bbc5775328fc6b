"""Small tables of results, for a terminal and for a notebook."""

from html import escape

__all__ = ["html_table", "short_number", "spread_out", "text_table"]


def short_number(value):
    """A number with three significant digits."""
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def spread_out(values, most):
    """At most so many of some values, evenly spread, with the first and the last."""
    values = list(values)
    if len(values) <= most:
        return values
    return [values[round(k * (len(values) - 1) / (most - 1))] for k in range(most)]


def text_table(header, rows):
    """Lines of right-aligned columns.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequence

    Returns
    -------
    str
    """
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def html_table(header, rows):
    """A table as HTML, from the same parameters as `text_table`."""

    def line(tag, cells):
        return "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return (
        f"<table><thead><tr>{line('th', header)}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
