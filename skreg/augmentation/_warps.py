"""Affine warps of images with bilinear interpolation, as linear operators.

An output pixel at o (row, column) takes its value at the input point::

    i = A^-1 (o - c - t) + c

with c the image's centre, t the translation and the forward matrix::

    A = scale * rotation(rotate) @ [[1, 0], [tan(shear), 1]]

in coordinates (row, column): a positive angle turns the image counter-clockwise, a
positive shear moves the rows below the centre to the right. The value at a point is
the mean of its four neighbours, its *taps*, weighted bilinearly; beyond the border
lies `fill`. This is ``scipy.ndimage.affine_transform(order=1, mode="grid-constant")``.

A warp is linear in the pixels, so it is a sparse matrix with at most four entries a
row. Once a palette has this matrix, one sparse product warps all images of the warp.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

# Number of warps that share one sparse matrix: enough to make the fixed cost of a
# product small, and few enough for their images to stay in the cache (100 kB at 28 x 28
# in float32) and below the size from which malloc maps fresh pages.
WARPS_PER_BLOCK = 4

# Number of images that share a warp, if the minibatch has that many. Reading a warp
# costs as much as applying it to about 15 images, and the product's inner loop is
# fastest with multiples of 8.
IMAGES_PER_WARP = 16

# Number of values that are warped at a time if every image has a warp of its own. The
# temporaries stay in the cache, and below the size from which malloc maps fresh pages.
_CHUNK_SIZE = 2**14


class Warps(NamedTuple):
    """The inverse affine maps of `n_warps` warps.

    Parameters
    ----------
    inverse : ndarray of shape (n_warps, 2, 2)
        A^-1, from output to input coordinates (row, column).
    offset : ndarray of shape (n_warps, 2)
        The vector that is added to A^-1 o.
    """

    inverse: np.ndarray
    offset: np.ndarray


def affine_warps(shape, rotate, scale, translate, shear):
    """Warps about the centre of the image.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    rotate, scale, shear : ndarray of shape (n_warps,)
        The rotation in degrees counter-clockwise, the scaling factor, and the angle of
        shear in degrees.
    translate : ndarray of shape (n_warps, 2)
        The translation in pixels down and to the right.

    Returns
    -------
    warps : Warps
    """
    angle, slope = np.deg2rad(rotate), np.tan(np.deg2rad(shear))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    # shear^-1 @ rotation^-1 / scale; with rows counted downwards, a turn to the left
    # by `angle` maps (row, column) with [[cos, -sin], [sin, cos]].
    inverse = np.empty((len(angle), 2, 2))
    inverse[:, 0, 0], inverse[:, 0, 1] = cos, sin
    inverse[:, 1, 0], inverse[:, 1, 1] = -sin - slope * cos, cos - slope * sin
    centre = (np.asarray(shape) - 1) / 2
    offset = centre - np.einsum("kij,kj->ki", inverse, centre + translate)
    return Warps(inverse, offset)


def taps(warps, shape, dtype):
    """The input points of all output pixels, in the image padded by one pixel.

    Parameters
    ----------
    warps : Warps
    shape : tuple of int
        Height and width of the image.
    dtype : dtype
        The type of the arithmetic and of the fractions.

    Returns
    -------
    corner : ndarray of int32 of shape (n_warps, n_pixels)
        The upper left tap of each output pixel, as a position in the flattened padded
        image of (height + 2) * (width + 2) pixels. The others are one to the right,
        one below, and both.
    down, right : ndarray of shape (n_warps, n_pixels)
        The fractions of a pixel that the point lies below and right of that tap.
    """
    height, width = shape
    rows = np.repeat(np.arange(height, dtype=dtype), width)
    columns = np.tile(np.arange(width, dtype=dtype), height)

    def coordinate(axis, size):
        matrix = warps.inverse[:, axis, :].astype(dtype)
        point = matrix[:, :1] * rows
        point += matrix[:, 1:] * columns
        # One is added for the padding. A point beyond the padding reads only the
        # padding, as any point on its outer edge does.
        point += (warps.offset[:, axis, None] + 1).astype(dtype)
        np.clip(point, 0, size + 1, out=point)
        # The last pixel of the padding has no neighbour beyond it.
        lower = np.minimum(point.astype(np.int32), size)
        point -= lower
        return lower, point

    top, down = coordinate(0, height)
    left, right = coordinate(1, width)
    top *= width + 2
    top += left
    return top, down, right


class Palette:
    """Warps as sparse matrices, with `WARPS_PER_BLOCK` warps ("a block") in each.

    In the matrix of a block, pixel p under warp k is row and column
    ``p * WARPS_PER_BLOCK + k``. The matrix multiplies an array whose rows are pixels
    and whose columns are (warp, channel, image). For one channel this array is the
    transpose of a run of images, the first of which have the first warp, and so on.

    Parameters
    ----------
    warps : Warps
        The warps, whose number is a multiple of `WARPS_PER_BLOCK`.
    shape : tuple of int
        Height and width.
    n_channels : int
    fill : float
    dtype : dtype
        The type of the images; images of other types are converted.
    """

    def __init__(self, warps, shape, n_channels, fill, dtype):
        self.n_pixels = shape[0] * shape[1]
        self.n_channels = n_channels
        self.blocks = [
            _block_matrix(
                Warps(*(part[start : start + WARPS_PER_BLOCK] for part in warps)),
                shape,
                dtype,
            )
            for start in range(0, len(warps.offset), WARPS_PER_BLOCK)
        ]
        self.beyond = None
        if fill != 0:
            # The part of each pixel that comes from beyond the border.
            self.beyond = [
                (fill * (1 - block.sum(axis=1))).astype(dtype)[:, None]
                for block in self.blocks
            ]

    def warp(self, X, rng):
        """Warp each image by one warp of the palette.

        Parameters
        ----------
        X : ndarray of shape (n_images, n_pixels * n_channels)
        rng : numpy.random.Generator

        Returns
        -------
        X_warped : ndarray of the same shape, Fortran-ordered
            This is the order of the product; another would take a third more time.
        """
        per_block = WARPS_PER_BLOCK * IMAGES_PER_WARP
        n_blocks = max(1, len(X) // per_block)
        # The last run has the remaining images as well.
        bounds = [*range(0, n_blocks * per_block, per_block), len(X)]
        chosen = rng.integers(len(self.blocks), size=n_blocks)
        by_pixel = np.empty((X.shape[1], len(X)), dtype=X.dtype)
        for block, start, stop in zip(chosen, bounds[:-1], bounds[1:], strict=True):
            self._warp_run(block, X[start:stop], by_pixel[:, start:stop])
        return by_pixel.T

    def _warp_run(self, block, X, out):
        """Warp the images of X by the warps of one block.

        `out`, of shape (n_pixels * n_channels, n_images), takes the result.
        """
        n_images = len(X)
        n_rounds = -(-n_images // WARPS_PER_BLOCK)
        if n_rounds * WARPS_PER_BLOCK > n_images:
            # Blank images make the number of images a multiple of that of the warps.
            blanks = n_rounds * WARPS_PER_BLOCK - n_images
            X = np.concatenate([X, np.zeros((blanks, X.shape[1]), X.dtype)])
        shape = (self.n_pixels, WARPS_PER_BLOCK, self.n_channels, n_rounds)
        images = X.reshape(WARPS_PER_BLOCK, n_rounds, self.n_pixels, self.n_channels)
        stack = np.ascontiguousarray(images.transpose(2, 0, 3, 1))
        warped = self.blocks[block] @ stack.reshape(shape[0] * shape[1], -1)
        if self.beyond is not None:
            warped += self.beyond[block]
        warped = warped.reshape(shape).transpose(0, 2, 1, 3).reshape(len(out), -1)
        out[:] = warped[:, :n_images]


def _block_matrix(warps, shape, dtype):
    """The sparse matrix of the warps of a block, without the taps in the padding."""
    height, width = shape
    # This is done only once, so it is in float64 for any dtype. From here on, pixels
    # come first and warps second, as in the matrix's rows.
    corner, down, right = (part.T for part in taps(warps, shape, np.float64))
    weights = np.stack(
        [
            (1 - down) * (1 - right),
            (1 - down) * right,
            down * (1 - right),
            down * right,
        ],
        axis=-1,
    )
    positions = corner[..., None] + np.array([0, 1, width + 2, width + 3])
    row, column = np.divmod(positions, width + 2)
    inside = (row >= 1) & (row <= height) & (column >= 1) & (column <= width)
    inside &= weights > 0
    n_pixels, n_warps = corner.shape
    warp = np.arange(n_warps)[:, None]
    indices = ((row - 1) * width + column - 1) * n_warps + warp
    indptr = np.zeros(n_warps * n_pixels + 1, dtype=np.int32)
    np.cumsum(inside.sum(axis=-1).ravel(), out=indptr[1:])
    return sparse.csr_array(
        (weights[inside].astype(dtype), indices[inside].astype(np.int32), indptr),
        shape=(n_warps * n_pixels,) * 2,
    )


def warp_each(X, warps, shape, n_channels, fill):
    """Warp each image by a warp of its own.

    Parameters
    ----------
    X : ndarray of shape (n_images, height * width * n_channels)
    warps : Warps
        One warp for each image.
    shape : tuple of int
        Height and width.
    n_channels : int
    fill : float

    Returns
    -------
    X_warped : ndarray of the same shape
    """
    n_at_once = max(1, _CHUNK_SIZE // X.shape[1])
    X_warped = np.empty_like(X)
    for start in range(0, len(X), n_at_once):
        part = slice(start, start + n_at_once)
        some = Warps(warps.inverse[part], warps.offset[part])
        X_warped[part] = _warp_few(X[part], some, shape, n_channels, fill)
    return X_warped


def _warp_few(X, warps, shape, n_channels, fill):
    """As `warp_each`, without cutting the images into parts."""
    n_images, (height, width) = len(X), shape
    padded = np.full((n_images, height + 2, width + 2, n_channels), fill, dtype=X.dtype)
    padded[:, 1:-1, 1:-1] = X.reshape(n_images, height, width, n_channels)
    padded = padded.reshape(-1, n_channels) if n_channels > 1 else padded.reshape(-1)

    position, down, right = taps(warps, shape, X.dtype)
    first = np.arange(n_images, dtype=np.intp) * ((height + 2) * (width + 2))
    position = position + first[:, None]
    if n_channels > 1:
        down, right = down[..., None], right[..., None]

    def at(step):
        # All positions are valid; "clip" only saves the check.
        return np.take(padded, position + step, axis=0, mode="clip")

    def between(one, other, fraction):
        other -= one
        other *= fraction
        other += one
        return other

    upper = between(at(0), at(1), right)
    lower = between(at(width + 2), at(width + 3), right)
    return between(upper, lower, down).reshape(X.shape)
