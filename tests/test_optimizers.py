"""Adam and SGD against textbook implementations, and what the proximal steps solve."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.optimizers import SGD, Adam, as_factor
from skreg._core.penalties import ElasticNet

# Few parameters; rows long enough for one BLAS call each; more than a chunk.
LAYERS = [(3, 4, 2), (40, 30, 1), (150, 120, 2)]
ALPHA = np.array([0.0, 0.3, 0.3, 0.5])
L1_RATIO = np.array([0.5, 0.0, 1.0, 0.4])


def soft_threshold(u, threshold):
    return np.sign(u) * np.maximum(np.abs(u) - threshold, 0)


def is_weight(network):
    mask = np.zeros((1, network.n_params), dtype=bool)
    for W in network.weights(mask):
        W[...] = True
    return mask[0]


class TextbookAdam:
    """One model's Adam with coupled L2 and ProxGen's L1, as the formulas stand."""

    def __init__(self, rate, l1, l2, mask, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.rate, self.betas, self.epsilon = rate, (beta_1, beta_2), epsilon
        self.l1, self.l2 = l1 * mask, l2 * mask
        self.m = self.v = self.t = 0

    def step(self, w, g):
        beta_1, beta_2 = self.betas
        g = g + self.l2 * w
        self.t += 1
        self.m = beta_1 * self.m + (1 - beta_1) * g
        self.v = beta_2 * self.v + (1 - beta_2) * g**2
        root = np.sqrt(1 - beta_2**self.t)
        D = np.sqrt(self.v) + self.epsilon
        self.u = w - self.rate * root / (1 - beta_1**self.t) * self.m / D
        self.step_size = self.rate * root / D
        return soft_threshold(self.u, self.step_size * self.l1)


class TextbookSGD:
    """One model's SGD with momentum; the threshold is that of the whole movement."""

    def __init__(self, rate, l1, l2, mask, momentum=0.9, nesterov=True):
        self.rate, self.momentum, self.nesterov = rate, momentum, nesterov
        self.l1, self.l2 = l1 * mask, l2 * mask
        self.velocity = 0

    def step(self, w, g):
        g = g + self.l2 * w
        self.velocity = self.momentum * self.velocity - self.rate * g
        ahead = self.momentum * self.velocity - self.rate * g
        u = w + (ahead if self.nesterov else self.velocity)
        return soft_threshold(u, self.l1 * self.rate / (1 - self.momentum))


def set_and_step(optimizer, gradients):
    """One step of the optimizer, with these gradients."""
    scale = optimizer.begin_step()
    optimizer.gradients[...] = scale * gradients
    optimizer.end_step()


def compare(optimizer, textbooks, n_steps, gradient_of, tolerance, every=1):
    """Step both, each from its own parameters."""
    rows = [row.astype(float) for row in optimizer.params]
    for step in range(n_steps):
        ours = gradient_of(step, optimizer.params.astype(float))
        set_and_step(optimizer, ours.astype(optimizer.params.dtype))
        rows = [
            book.step(row, gradient_of(step, row))
            for book, row in zip(textbooks, rows, strict=True)
        ]
        if step % every == 0 or step == n_steps - 1:
            np.testing.assert_allclose(
                optimizer.params,
                rows,
                rtol=tolerance,
                atol=tolerance,
                err_msg=f"{step=}",
            )
    return np.array(rows)


def pull(network, seed=0):
    """Gradients of a quadratic with noise that is the same for all models."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=network.n_params)
    noise = rng.normal(size=(50, network.n_params))
    return lambda step, params: params - target + 0.3 * noise[step % 50]


def make_optimizer(kind, network, params, alpha, l1_ratio, rate, **settings):
    penalty = ElasticNet(alpha, l1_ratio, params.dtype)
    return kind(network, penalty, params, rate, **settings)


# Every value of a hyper-parameter once for all models, and once differing.
ADAM_SETTINGS = {
    "same": ([0.05] * 4, [0.9] * 4, [0.999] * 4, [1e-8] * 4),
    "differing": (
        [0.05, 0.02, 0.01, 0.01],
        [0.9, 0.0, 0.5, 0.95],
        [0.999, 0.99, 0.0, 0.9],
        # Without a memory of squares a small epsilon would amplify rounding.
        [1e-8, 1e-4, 0.1, 1e-8],
    ),
}
SGD_SETTINGS = {
    "same": ([0.05] * 4, [0.9] * 4),
    "plain": ([0.05] * 4, [0.0] * 4),
    "differing": ([0.05, 0.02, 0.1, 0.01], [0.9, 0.0, 0.5, 0.95]),
}


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("settings", ADAM_SETTINGS)
def test_adam_is_the_textbooks(layers, settings):
    network = Network(layers, "relu", SquaredError())
    rates, beta_1, beta_2, epsilon = ADAM_SETTINGS[settings]
    params = np.random.default_rng(1).normal(size=(4, network.n_params))
    mask = is_weight(network)
    textbooks = [
        TextbookAdam(rate, a * r, a * (1 - r), mask, *rest)
        for rate, a, r, *rest in zip(
            rates, ALPHA, L1_RATIO, beta_1, beta_2, epsilon, strict=True
        )
    ]
    optimizer = make_optimizer(
        Adam,
        network,
        params,
        ALPHA,
        L1_RATIO,
        rates,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
    )
    rows = compare(optimizer, textbooks, 40, pull(network), 1e-11)
    # Zeros are exact, the same ones, and those of models with L1 alone.
    np.testing.assert_array_equal(optimizer.params == 0, rows == 0)
    np.testing.assert_array_equal((rows == 0).any(axis=1), ALPHA * L1_RATIO > 0)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("settings", SGD_SETTINGS)
def test_sgd_is_the_textbooks(layers, settings, nesterov):
    network = Network(layers, "relu", SquaredError())
    rates, momentum = SGD_SETTINGS[settings]
    params = np.random.default_rng(2).normal(size=(4, network.n_params))
    mask = is_weight(network)
    textbooks = [
        TextbookSGD(rate, a * r, a * (1 - r), mask, m, nesterov)
        for rate, a, r, m in zip(rates, ALPHA, L1_RATIO, momentum, strict=True)
    ]
    optimizer = make_optimizer(
        SGD,
        network,
        params,
        ALPHA,
        L1_RATIO,
        rates,
        momentum=momentum,
        nesterovs_momentum=nesterov,
    )
    rows = compare(optimizer, textbooks, 40, pull(network), 1e-11)
    np.testing.assert_array_equal(optimizer.params == 0, rows == 0)


@pytest.mark.parametrize("n_models", [1, 2])
def test_adams_scales_are_put_back_in_time(n_models):
    # 0.5^t underflows float32 after 150 steps, 0.9^t after 800; 0.999^t needs the
    # correction for long. The gradients do not depend on the parameters, so that
    # rounding does not add up beyond its own size.
    network = Network((4, 3, 1), "relu", SquaredError())
    beta_1, beta_2 = [0.5, 0.9][:n_models], [0.9, 0.999][:n_models]
    rng = np.random.default_rng(3)
    waves = rng.uniform(0.01, 0.3, network.n_params)
    sizes = 10.0 ** rng.uniform(-6, 3, network.n_params)
    params = rng.normal(size=(n_models, network.n_params)).astype(np.float32)
    mask = is_weight(network)
    textbooks = [
        TextbookAdam(1e-3, 1e-4, 0.0, mask, *betas)
        for betas in zip(beta_1, beta_2, strict=True)
    ]
    optimizer = make_optimizer(
        Adam,
        network,
        params,
        [1e-4] * n_models,
        [1.0] * n_models,
        [1e-3] * n_models,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=[1e-8] * n_models,
    )

    n_denormals = 0

    def gradient_of(step, params):
        nonlocal n_denormals
        for name in ("_M", "_V") if step % 10 == 0 else ():
            moments = np.abs(optimizer.state.arrays[name])
            assert np.isfinite(moments).all()
            tiny = np.finfo(np.float32).tiny
            n_denormals += np.count_nonzero((moments > 0) & (moments < tiny))
        gradient = sizes * np.sin(waves * step)
        if step > 2000:
            gradient[::2] = 0  # a dead input: its moments go to zero
        return np.broadcast_to(gradient, params.shape)

    compare(optimizer, textbooks, 5000, gradient_of, 2e-3, every=50)
    assert n_denormals == 0


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_l1_ends_at_the_minimum(nesterov, momentum):
    # The minimum of |w - target|^2 / 2 + l1 |w| is the soft-thresholded target: with a
    # threshold of rate * l1 instead of rate * l1 / (1 - momentum) SGD would end at that
    # of the penalty (1 - momentum) * l1.
    network = Network((30, 1), "relu", SquaredError())
    params = np.zeros((1, network.n_params))
    target = np.random.default_rng(4).normal(size=network.n_params)
    optimizer = make_optimizer(
        SGD,
        network,
        params,
        [0.5],
        [1.0],
        [0.01],
        momentum=[momentum],
        nesterovs_momentum=nesterov,
    )
    for _ in range(4000):
        set_and_step(optimizer, params - target)
    minimum = soft_threshold(target, 0.5 * is_weight(network))
    assert (minimum == 0).any()
    np.testing.assert_allclose(params[0], minimum, atol=1e-10)
    np.testing.assert_array_equal(params[0] == 0, minimum == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_momentum_of_one_has_neighbours_with_l1(dtype):
    # It has no proximal step, and needs none: its own L1 strength is zero.
    network = Network((3, 1), "relu", SquaredError())
    optimizer = make_optimizer(
        SGD,
        network,
        np.ones((2, 4), dtype=dtype),
        [0.0, 0.1],
        [1.0, 1.0],
        [0.5, 0.5],
        momentum=[1.0, 0.5],
        nesterovs_momentum=False,
    )
    set_and_step(optimizer, np.ones((2, 4), dtype=dtype))
    np.testing.assert_allclose(optimizer.params[0], 0.5)
    np.testing.assert_allclose(optimizer.params[1], [0.4, 0.4, 0.4, 0.5])


def test_adam_with_l1_ends_at_the_minimum():
    network = Network((30, 1), "relu", SquaredError())
    params = np.zeros((1, network.n_params))
    target = np.random.default_rng(5).normal(size=network.n_params)
    optimizer = make_optimizer(
        Adam,
        network,
        params,
        [0.5],
        [0.6],
        [0.01],
        beta_1=[0.9],
        beta_2=[0.999],
        epsilon=[1e-8],
    )
    for _ in range(8000):
        set_and_step(optimizer, params - target)
    mask = is_weight(network)
    minimum = soft_threshold(target, 0.3 * mask) / (1 + 0.2 * mask)
    assert (minimum == 0).any()
    np.testing.assert_allclose(params[0], minimum, atol=1e-6)
    np.testing.assert_array_equal(params[0] == 0, minimum == 0)


def test_adams_prox_minimizes_what_defines_it():
    # In the metric D / (eta sqrt(1 - beta_2^t)) of the step, without the first moment's
    # correction.
    network = Network((5, 2), "relu", SquaredError())
    mask, l1, epsilon = is_weight(network), 0.8, 0.1
    params = np.random.default_rng(6).normal(size=(1, network.n_params))
    book = TextbookAdam(0.3, 0.0, 0.0, mask, epsilon=epsilon)
    optimizer = make_optimizer(
        Adam,
        network,
        params,
        [l1],
        [1.0],
        [0.3],
        beta_1=[0.9],
        beta_2=[0.999],
        epsilon=[epsilon],
    )
    gradient_of = pull(network)
    n_zeros = 0
    for step in range(5):
        before = params[0].copy()
        gradient = gradient_of(step, before)
        set_and_step(optimizer, gradient)
        book.step(before, gradient)
        for k in range(network.n_params):
            best = minimize_scalar(
                lambda x, k=k: (
                    (x - book.u[k]) ** 2 / (2 * book.step_size[k])
                    + l1 * mask[k] * abs(x)
                ),
                bounds=(-5, 5),
                method="bounded",
                options={"xatol": 1e-10},
            )
            np.testing.assert_allclose(params[0, k], best.x, atol=1e-6)
        n_zeros += np.count_nonzero(params == 0)
    assert n_zeros > 0


def adam_of(network, params, models):
    rates, beta_1, beta_2, epsilon = np.array(ADAM_SETTINGS["differing"])[:, models]
    return make_optimizer(
        Adam,
        network,
        params,
        ALPHA[models],
        L1_RATIO[models],
        rates,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
    )


def sgd_of(network, params, models):
    rates, momentum = np.array(SGD_SETTINGS["differing"])[:, models]
    return make_optimizer(
        SGD,
        network,
        params,
        ALPHA[models],
        L1_RATIO[models],
        rates,
        momentum=momentum,
        nesterovs_momentum=True,
    )


@pytest.mark.parametrize("make", [adam_of, sgd_of])
def test_models_that_are_kept_go_on_as_before(make):
    network = Network((5, 4, 2), "relu", SquaredError())
    params = np.random.default_rng(7).normal(size=(4, network.n_params))
    gradient_of, kept = pull(network), [3, 1]
    whole = make(network, params.copy(), np.arange(4))
    part = make(network, params.copy(), np.arange(4))
    for step in range(60):
        if step == 30:
            part._penalty.keep(np.array(kept))
            part.keep(np.array(kept))
            np.testing.assert_array_equal(part.rate, whole.rate[kept])
        set_and_step(whole, gradient_of(step, whole.params))
        set_and_step(part, gradient_of(step, part.params))
    np.testing.assert_allclose(part.params, whole.params[kept], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", [adam_of, sgd_of])
def test_exported_states_continue(make):
    network = Network((5, 4, 2), "relu", SquaredError())
    params = np.random.default_rng(8).normal(size=(4, network.n_params))
    gradient_of = pull(network)
    whole = make(network, params.copy(), np.arange(4))
    for step in range(30):
        set_and_step(whole, gradient_of(step, whole.params))
    # Two models go on among others, in another order, beside one that starts afresh.
    models = [2, 0, 3]
    states = [whole.export_state(2), None, whole.export_state(3)]
    started = np.stack([whole.params[2], params[0], whole.params[3]])
    resumed = make(network, started, np.array(models))
    resumed.import_states(states)
    fresh = make(network, params[[0]].copy(), np.array([0]))
    for step in range(30):
        set_and_step(whole, gradient_of(step, whole.params))
        set_and_step(resumed, gradient_of(step, resumed.params))
        set_and_step(fresh, gradient_of(step, fresh.params))
    expected = np.stack([whole.params[2], fresh.params[0], whole.params[3]])
    np.testing.assert_allclose(resumed.params, expected, rtol=1e-12, atol=1e-14)


def test_an_exported_state_is_a_copy():
    network = Network((3, 1), "relu", SquaredError())
    optimizer = sgd_of(network, np.ones((1, 4)), np.array([0]))
    set_and_step(optimizer, np.ones((1, 4)))
    state = optimizer.export_state(0)
    before = {name: np.array(value) for name, value in state.items()}
    set_and_step(optimizer, np.ones((1, 4)))
    for name, value in before.items():
        np.testing.assert_array_equal(state[name], value)


def test_learning_rates_change_between_steps():
    network = Network((3, 1), "relu", SquaredError())
    params = np.zeros((2, 4))
    optimizer = make_optimizer(
        SGD,
        network,
        params,
        [0.0, 0.0],
        [0.0, 0.0],
        [0.1, 0.1],
        momentum=[0.0, 0.0],
        nesterovs_momentum=False,
    )
    set_and_step(optimizer, np.ones((2, 4)))
    optimizer.set_rates([0.1, 0.5])
    set_and_step(optimizer, np.ones((2, 4)))
    np.testing.assert_allclose(params, np.outer([-0.2, -0.6], np.ones(4)))


def test_factors():
    assert as_factor([0.5, 0.5]) == 0.5
    assert isinstance(as_factor([0.5, 0.5]), float)
    np.testing.assert_array_equal(as_factor([0.5, 0.6]), [[0.5], [0.6]])
