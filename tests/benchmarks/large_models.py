"""Models of 5,000 nodes, as people fit them, with linear algebra throughout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytensor.tensor as pt

from tests.benchmarks.models import Graph, value_and_gradient


def stations(n_stations: int = 22, n: int = 30) -> Graph:
    """A Gaussian process at each of some stations, of four kinds of covariance.

    Their length scales are pooled, the trends have an LKJ prior in common, and those with a
    period share it.
    """
    import pymc as pm

    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 10.0, n)[:, None]
    with pm.Model() as model:
        common = pm.Gamma("common", 2, 1)
        eta = pm.HalfNormal("eta", 1, shape=n_stations)
        sigma = pm.HalfNormal("sigma", 1, shape=n_stations)
        period = pm.Gamma("period", 4, 2)
        deviation = pm.Normal("deviation", 0, 1, shape=n_stations)
        scale = common * pt.exp(0.3 * deviation)
        beta = _trends(n_stations)
        kinds = (
            lambda i: pm.gp.cov.ExpQuad(1, ls=scale[i]),
            lambda i: pm.gp.cov.Matern52(1, ls=scale[i]),
            lambda i: pm.gp.cov.Periodic(1, period=period, ls=scale[i]),
            lambda i: pm.gp.cov.Matern32(1, ls=scale[i]) + pm.gp.cov.Linear(1, c=beta[i, 2]),
        )
        for i in range(n_stations):
            mean = pm.gp.mean.Linear(coeffs=beta[i, 1], intercept=beta[i, 0])
            gp = pm.gp.Marginal(mean_func=mean, cov_func=eta[i] ** 2 * kinds[i % 4](i))
            gp.marginal_likelihood(f"y{i}", X=x, y=rng.normal(size=n), sigma=sigma[i])
    return value_and_gradient(model)


def _trends(n: int) -> pt.TensorVariable:
    import pymc as pm

    spread = pm.Exponential.dist(1.0)
    chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=spread, compute_corr=True)
    return pm.MvNormal("beta", mu=np.zeros(3), chol=chol, shape=(n, 3))


def latent_states(steps: int = 40) -> Graph:
    """A vector autoregression that is seen through noise, its states sampled one by one."""
    import pymc as pm

    rng = np.random.default_rng(1)
    k, m = 3, 2
    with pm.Model() as model:
        transition = pm.Normal("transition", 0, 0.5, shape=(k, k))
        loading = pm.Normal("loading", 0, 1, shape=(m, k))
        spread = pm.Exponential.dist(1.0)
        moved, _, _ = pm.LKJCholeskyCov("moved", n=k, eta=2.0, sd_dist=spread)
        seen, _, _ = pm.LKJCholeskyCov("seen", n=m, eta=2.0, sd_dist=spread)
        state = pm.MvNormal("s0", mu=np.zeros(k), cov=np.eye(k))
        for t in range(1, steps):
            state = pm.MvNormal(f"s{t}", mu=transition @ state, chol=moved)
            pm.MvNormal(f"y{t}", mu=loading @ state, chol=seen, observed=rng.normal(size=m))
    return value_and_gradient(model)


def kalman_filter(steps: int = 46) -> Graph:
    """A trend that is damped, its states integrated out by a Kalman filter, unrolled."""
    import pymc as pm

    y = np.random.default_rng(1).normal(size=(steps, 1))
    with pm.Model() as model:
        damping = pm.Beta("damping", 2, 2)
        transition = pt.stack([pt.stack([1.0, 1.0]), pt.stack([0.0, damping])])
        loading = pm.Normal("loading", 0, 1, shape=(1, 2))
        noise = pt.diag(pm.HalfNormal("noise", 1, shape=2) ** 2)
        error = pt.diag(pm.HalfNormal("error", 1, shape=1) ** 2)
        state, spread = pm.Normal("start", 0, 1, shape=2), pt.eye(2) * 10.0
        logp = 0.0
        for seen in y:
            surprise = seen - loading @ state
            of_surprise = loading @ spread @ loading.T + error
            precision = pt.linalg.inv(of_surprise)
            logp -= pt.linalg.slogdet(of_surprise)[1] + surprise @ precision @ surprise
            gain = transition @ spread @ loading.T @ precision
            state = transition @ state + gain @ surprise
            spread = transition @ spread @ (transition - gain @ loading).T + noise
        pm.Potential("likelihood", 0.5 * logp)
    return value_and_gradient(model)


LARGE_MODELS: dict[str, Callable[[], Graph]] = {
    "22 stations, a GP each": stations,
    "a vector autoregression seen through noise": latent_states,
    "a Kalman filter, unrolled": kalman_filter,
}
