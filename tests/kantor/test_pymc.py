"""PyMC models with Kantor registered, and with a mode of their own."""

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.tensor.linalg.products import KroneckerProduct

from kantor.modes import mode, register, unregister

pm = pytest.importorskip("pymc")

PY = Mode("py")
M, N = 12, 15
D1 = np.subtract.outer(np.arange(M), np.arange(M)) ** 2.0
D2 = np.subtract.outer(np.arange(N), np.arange(N)) ** 2.0


@pytest.fixture(autouse=True)
def _unregistered():
    unregister()
    yield
    unregister()


def covariance():
    """A Kronecker product of two covariances with a random length scale each."""
    one, two = pm.HalfNormal("one"), pm.HalfNormal("two")
    return pt.linalg.kron(
        pt.exp(-D1 / (1 + one)) + 0.1 * np.eye(M), pt.exp(-D2 / (1 + two)) + 0.1 * np.eye(N)
    )


def regression():
    """Coefficients on a Kronecker design, with random factors."""
    with pm.Model() as model:
        w = pm.Normal("w", shape=M * N)
        pm.Normal("y", covariance() @ w, 1, observed=np.arange(M * N) / 9)
    return model


def gaussian():
    with pm.Model() as model:
        pm.MvNormal("y", np.zeros(M * N), cov=covariance(), observed=np.sin(np.arange(M * N)))
    return model


def factors():
    """A normal density with a few factors and a noise for each observation."""
    with pm.Model() as model:
        W = pm.Normal("W", shape=(M * N, 3))
        psi = pm.HalfNormal("psi", shape=M * N)
        cov = pt.diag(psi) + W @ W.T
        pm.MvNormal("y", np.zeros(M * N), cov=cov, observed=np.sin(np.arange(M * N)))
    return model


def largest(f):
    """The entries of the largest value that is computed."""
    f = getattr(f, "f", f)
    shapes = [getattr(v.type, "shape", ()) for n in f.maker.fgraph.apply_nodes for v in n.outputs]
    return max(int(np.prod([n or 1 for n in shape])) for shape in shapes)


def builds_kron(f):
    f = getattr(f, "f", f)
    return any(isinstance(n.op, KroneckerProduct) for n in f.maker.fgraph.apply_nodes)


def logp_and_gradient(model, mode=PY):
    return model.compile_logp(mode=mode), model.compile_dlogp(mode=mode)


def results(model, functions):
    point = {
        name: np.linspace(-0.3, 0.4, np.size(x)).reshape(np.shape(x))
        for name, x in model.initial_point().items()
    }
    return [f(point) for f in functions]


@pytest.mark.parametrize("make", [regression, gaussian, factors])
def test_a_model_gives_the_same_when_registered(make):
    model = make()
    plain = logp_and_gradient(model)
    register()
    for new, old in zip(
        results(model, logp_and_gradient(model)), results(model, plain), strict=True
    ):
        np.testing.assert_allclose(new, old, rtol=1e-8)


def test_the_structure_is_used_before_the_gradient_when_registered():
    model = regression()
    assert all(builds_kron(f) for f in logp_and_gradient(model))
    register()
    assert not any(builds_kron(f) for f in logp_and_gradient(model))


def test_a_low_rank_covariance_is_never_built():
    """The value and its gradient, where a definiteness check asks for the factor as well."""
    model = factors()
    assert all(largest(f) == (M * N) ** 2 for f in logp_and_gradient(model))
    register()
    assert all(largest(f) <= 5 * M * N for f in logp_and_gradient(model))


def test_a_covariance_that_may_be_indefinite_is_asked():
    with pm.Model() as model:
        x = pm.Normal("x", shape=3)
        pm.MvNormal("y", np.zeros(3), cov=pt.diag(x) + 0.1 * np.eye(3), observed=np.ones(3))
    plain = model.compile_logp(mode=PY)
    register()
    for f in (plain, model.compile_logp(mode=PY)):
        assert np.isneginf(f({"x": -np.ones(3)})) or np.isnan(f({"x": -np.ones(3)}))


def test_the_structure_is_used_in_a_mode_of_its_own():
    # PyMC builds a new mode of the one that it is given.
    model = regression()
    assert not builds_kron(model.compile_logp(mode=mode(PY)))
    assert builds_kron(model.compile_logp(mode=mode(PY).excluding("kantor")))


def test_relations_can_be_left_out_of_a_model():
    model = regression()
    register(relations="kron_matvec")
    assert not builds_kron(model.compile_logp(mode=PY))
    assert builds_kron(model.compile_logp(mode=PY.excluding("kron_matvec")))


def test_draws_are_as_they_were():
    with pm.Model():
        pm.MvNormal("x", np.zeros(2), cov=pt.linalg.kron(np.eye(1), 2 * np.eye(2)))
        x = pm.Deterministic("z", pt.linalg.kron(np.eye(1), np.eye(2)) @ pm.Normal("u", shape=2))
    plain = pm.draw(x, draws=3, random_seed=4, mode=PY)
    register()
    np.testing.assert_allclose(pm.draw(x, draws=3, random_seed=4, mode=PY), plain)
