"""The models that are timed: three of PyMC, one plain graph, and terms that almost match.

Each model is a function without arguments that returns ``(inputs, outputs)``, a log-density and its
gradient, before any rewriting but PyMC's own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import optdb
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

Graph = tuple[list[Any], list[Any]]


def value_and_gradient(model: Any) -> Graph:
    """The log-density of a PyMC model and its gradient, as PyMC prepares them."""
    from pymc.pytensorf import rewrite_pregrad

    values = list(model.value_vars)
    logp = rewrite_pregrad(model.logp())
    return values, [logp, *pytensor.grad(logp, values)]


def eight_schools() -> Graph:
    """Eight schools, not centred."""
    import pymc as pm

    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, shape=8)
        pm.Normal("y", mu + tau * z, sigma, observed=y)
    return value_and_gradient(model)


def hierarchical_logistic() -> Graph:
    """A logistic regression whose three coefficients vary by group, with an LKJ prior."""
    import pymc as pm

    rng = np.random.default_rng(1)
    groups, k, n = 12, 3, 300
    x = rng.normal(size=(n, k))
    group = rng.integers(0, groups, n)
    y = rng.integers(0, 2, n)
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1, shape=k)
        chol, _, _ = pm.LKJCholeskyCov(
            "chol", n=k, eta=2.0, sd_dist=pm.Exponential.dist(1.0), compute_corr=True
        )
        beta = pm.MvNormal("beta", mu=mu, chol=chol, shape=(groups, k))
        pm.Bernoulli("y", logit_p=(x * beta[group]).sum(-1), observed=y)
    return value_and_gradient(model)


def gp_marginal(n: int = 60) -> Graph:
    """The marginal likelihood of a Gaussian process on `n` points."""
    import pymc as pm

    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 10.0, n)[:, None]
    y = np.sin(x[:, 0]) + 0.3 * rng.normal(size=n)
    with pm.Model() as model:
        length = pm.Gamma("length", 2, 1)
        eta = pm.HalfNormal("eta", 1)
        gp = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ls=length))
        gp.marginal_likelihood("y", X=x, y=y, sigma=pm.HalfNormal("sigma", 1))
    return value_and_gradient(model)


def elementwise(n: int = 3000) -> Graph:
    """A graph of `n` elementwise nodes, without linear algebra."""
    x, y = pt.vectors("x", "y")
    functions = (pt.tanh, pt.exp, pt.sin, pt.cos, pt.sigmoid)
    a, b = x, y
    for i in range(n // 4):
        a, b = functions[i % 5](a) * b, pt.maximum(functions[(i + 2) % 5](a), b)
    return [x, y], [a + b]


MODELS: dict[str, Callable[[], Graph]] = {
    "eight schools": eight_schools,
    "LKJ hierarchical logistic": hierarchical_logistic,
    "elementwise, 3,000 nodes": elementwise,
    "GP marginal, n = 60": gp_marginal,
}
PLAIN = ("elementwise, 3,000 nodes",)


def available(
    models: Mapping[str, Callable[[], Graph]] = MODELS,
) -> Mapping[str, Callable[[], Graph]]:
    """Those of some models that can be made here; says so in one line where PyMC is missing."""
    if importlib.util.find_spec("pymc") is not None:
        return models
    print("pymc is not installed: only plain graphs are timed (pip install 'kantor[pymc]')")
    return {name: make for name, make in models.items() if name in PLAIN}


def fgraph_of(graph: Graph) -> FunctionGraph:
    """A function graph of copies."""
    inputs, outputs = graph
    return FunctionGraph(inputs, outputs, clone=True)


def canonical(graph: Graph) -> FunctionGraph:
    """The graph as the `stabilize` phase of a compile meets it."""
    fgraph = fgraph_of(graph)
    # The canonicalize phase stands at 1, stabilize at 1.5.
    query = RewriteDatabaseQuery(include=["fast_run"], position_cutoff=1.4)
    optdb.query(query).rewrite(fgraph)
    return fgraph
