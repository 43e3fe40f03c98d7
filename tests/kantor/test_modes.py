"""`kantor.mode`: Kantor in a mode of its own."""

import copy
import importlib.util
import io
import pickle
from contextlib import redirect_stdout
from inspect import signature

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from etuples import etuple
from kanren import eq, lall
from pytensor.compile.debug.profiling import ProfileStats
from pytensor.compile.mode import Mode, get_mode, optdb
from pytensor.graph.rewriting.basic import MergeOptimizer
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.tensor.linalg.products import KroneckerProduct
from unification import var

import kantor
from kantor.engine import Engine
from kantor.modes import PHASES, mode
from kantor.rewriter import KantorRewriter
from relations.library import select

PY = Mode("py")


def kron_vector(dtype="float64"):
    a, b = pt.matrix("a", dtype=dtype), pt.matrix("b", dtype=dtype)
    v = pt.vector("v", dtype=dtype)
    return [a, b, v], pt.linalg.kron(a, b) @ v


def builds_kron(mode, graph=None, **kwargs):
    inputs, out = graph or kron_vector()
    f = pytensor.function(inputs, out, mode=mode, **kwargs)
    return any(isinstance(n.op, KroneckerProduct) for n in f.maker.fgraph.apply_nodes)


def values(dtype="float64"):
    rng = np.random.default_rng(7)
    return [rng.normal(size=s).astype(dtype) for s in ((3, 4), (5, 2), 8)]


def rewriters(mode):
    """Kantor's rewriters in what the mode builds, in all of its phases."""
    found = []
    for phase in mode.optimizer.data:
        phase = phase._phase() if hasattr(phase, "_phase") else phase
        found += [g for g in getattr(phase, "global_rewriters", ()) if type(g) is KantorRewriter]
    return found


def test_a_mode_rewrites_and_plain_pytensor_does_not():
    assert not builds_kron(mode(PY))
    assert builds_kron(PY)


@pytest.mark.parametrize("backend", [None, "CVM", "NUMBA", "JAX", "MLX", "cvm"])
def test_a_mode_of_each_backend(backend):
    if backend in ("JAX", "MLX"):
        pytest.importorskip("mlx.core" if backend == "MLX" else "jax")
    made = mode(backend)
    assert type(made) is Mode
    base = get_mode(backend if backend is None else backend.upper())
    assert type(made.linker) is type(base.linker)
    assert made.provided_optimizer.include == base.provided_optimizer.include
    assert len(rewriters(made)) == 1


def test_the_compiled_function_is_right_in_c():
    inputs, out = kron_vector()
    f = pytensor.function(inputs, out, mode=mode("CVM"))
    a, b, v = values()
    np.testing.assert_allclose(f(a, b, v), np.kron(a, b) @ v)


@pytest.mark.parametrize("backend", ["JAX", "MLX"])
def test_the_compiled_function_is_right_in(backend):
    pytest.importorskip("mlx.core" if backend == "MLX" else "jax")
    a, b, v = values("float32")
    inputs = [
        pt.tensor(n, dtype="float32", shape=x.shape) for n, x in zip("abv", (a, b, v), strict=True)
    ]
    out = pt.linalg.kron(*inputs[:2]) @ inputs[2]
    f = pytensor.function(inputs, out, mode=mode(backend))
    assert not any(isinstance(n.op, KroneckerProduct) for n in f.maker.fgraph.apply_nodes)
    got = np.asarray(f(a, b, v))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, np.kron(a, b) @ v, rtol=2e-3 if backend == "MLX" else 1e-4)


@pytest.mark.slow
def test_the_compiled_function_is_right_in_numba():
    inputs, out = kron_vector()
    f = pytensor.function(inputs, out, mode=mode("NUMBA"))
    a, b, v = values()
    np.testing.assert_allclose(f(a, b, v), np.kron(a, b) @ v)


@pytest.mark.parametrize("tag", ["kron_matvec", "kantor:kronecker", "kantor"])
def test_a_mode_excludes_by_name_and_tag(tag):
    made = mode(PY, relations=["kron_matvec", "inverse_of_kron"])
    assert builds_kron(made.excluding(tag))
    assert not builds_kron(made.excluding("inverse_of_kron"))


def test_with_everything_excluded_there_is_no_rewriter():
    assert len(rewriters(mode(PY))) == 1
    assert not rewriters(mode(PY).excluding("kantor"))
    assert not rewriters(mode(PY).excluding("stabilize"))
    assert not rewriters(mode(Mode("py", optimizer=None)))


def test_including_and_registering_keep_kantor():
    assert not builds_kron(mode(PY).including("local_remove_all_assert"))
    assert not builds_kron(mode(PY).register((MergeOptimizer(), 60.0)))


def test_only_some_relations():
    assert builds_kron(mode(PY, relations="inverses"))
    assert not builds_kron(mode(PY, relations=["kron_matvec"]))


@pytest.mark.skipif("goals" not in signature(Engine).parameters, reason="no plain goals yet")
def test_a_plain_minikanren_relation():
    def cosine_for_sine(in_lv, out_lv):
        x = var()
        return lall(eq(in_lv, etuple(pt.sin, x)), eq(out_lv, etuple(pt.cos, x)))

    x = pt.dvector("x")
    made = mode(PY, relations=cosine_for_sine)
    value = np.array([0.3, 2.0])
    f = pytensor.function([x], pt.sin(x), mode=made)
    np.testing.assert_allclose(f(value), np.cos(value))
    f = pytensor.function([x], pt.sin(x), mode=made.excluding("cosine_for_sine"))
    np.testing.assert_allclose(f(value), np.sin(value))


def test_a_mode_leaves_the_global_database_alone():
    query = RewriteDatabaseQuery(include=["fast_run"])
    before = [str(r) for r in optdb["stabilize"].query(query).get_node_rewriters()]
    builds_kron(mode(PY))
    phase = optdb["stabilize"].query(query)
    assert [str(r) for r in phase.get_node_rewriters()] == before
    assert phase.global_rewriters == []


def test_the_phase_runs_once_and_where_pytensor_has_it():
    plain = [r.name for r in get_mode("CVM").optimizer.data]
    own = mode("CVM").optimizer.data
    made = {r.phase: r for r in own if hasattr(r, "_phase")}
    assert list(made) == list(PHASES)
    for name, phase in made.items():
        emptied = next(r for r in own if r.name == name)
        assert not list(emptied.get_node_rewriters()) and not emptied.global_rewriters
        assert len(list(phase._phase().get_node_rewriters())) > 50
        assert own.index(emptied) == own.index(phase) + 1
    assert [r.name for r in own if r not in made.values()] == plain


def test_a_mode_survives_what_rebuilds_it():
    made = mode(PY, relations="kantor:kronecker")
    assert not builds_kron(pickle.loads(pickle.dumps(made)))
    chosen = mode(PY, relations=iter(select("kron_matvec")[0]))
    assert not builds_kron(pickle.loads(pickle.dumps(chosen)))
    f = pytensor.function(*kron_vector(), mode=chosen)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(f))(*values()), f(*values()))
    assert not builds_kron(copy.copy(made))
    assert not builds_kron(made.clone())
    # As pymc.pytensorf.compile does it.
    query = made.provided_optimizer.including("random_make_inplace")
    assert not builds_kron(Mode(linker=made.linker, optimizer=query))
    assert len(rewriters(mode(made))) == 1


def test_sizes_reach_the_engine():
    # What they decide is the engine's business; here, that they reach it.
    inputs, out = kron_vector()
    made = mode(PY, sizes={inputs[0]: (2, 3)})
    (rewriter,) = rewriters(made)
    assert rewriter._make_engine().sizes == {inputs[0]: (2, 3)}
    assert not builds_kron(made, (inputs, out))


def test_an_unknown_backend_is_named():
    with pytest.raises(ValueError, match=r"unknown backend 'TPU'; one of NUMBA, CVM, JAX, MLX"):
        mode("TPU")


@pytest.mark.parametrize("backend", ["JAX", "MLX"])
def test_a_missing_package_is_named(backend, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=f"pip install {backend.lower()}$"):
        mode(backend)


def test_steps_show_under_the_relation_s_name():
    text = io.StringIO()
    with pytensor.config.change_flags(optimizer_verbose=True), redirect_stdout(text):
        builds_kron(mode(PY))
    assert "rewrite kron_matvec replaces" in text.getvalue()


def test_the_profiler_shows_the_relations():
    text = io.StringIO()
    with pytensor.config.change_flags(profile_optimizer=True):
        profile = ProfileStats(atexit_print=False)
        builds_kron(mode(PY), profile=profile)
        profile.summary(file=text)
    assert "1 × kron_matvec" in text.getvalue()


def test_gradients_are_right_and_use_the_structure():
    inputs, out = kron_vector()
    grads = pt.grad(pt.sqr(out).sum(), inputs)
    f, g = (pytensor.function(inputs, grads, mode=m) for m in (mode(PY), PY))
    for new, old in zip(f(*values()), g(*values()), strict=True):
        np.testing.assert_allclose(new, old)


def test_a_solve_with_an_inverse():
    a, x = pt.dmatrix("a"), pt.dvector("x")
    out = pt.linalg.inv(a) @ (a @ x)
    f = pytensor.function([a, x], out, mode=mode(PY))
    names = {str(n.op) for n in f.maker.fgraph.apply_nodes}
    assert not any("Solve" in n or "Inverse" in n for n in names)
    rng = np.random.default_rng(3)
    value = rng.normal(size=4)
    np.testing.assert_allclose(f(rng.normal(size=(4, 4)), value), value)


def test_a_failing_relation_is_left_out(monkeypatch):
    made = mode(PY)
    (rewriter,) = rewriters(made)
    monkeypatch.setattr(
        rewriter._make_engine(), "rewrite", lambda fgraph: (_ for _ in ()).throw(OSError("gone"))
    )
    with pytest.warns(kantor.KantorWarning, match="gone"):
        assert builds_kron(made)


def test_what_mlx_cannot_run_is_left_dense() -> None:
    """No relation may lead to an Op that the backend has no conversion of."""
    pytest.importorskip("mlx")
    c, x = pt.vector("c", shape=(400,)), pt.vector("x", shape=(400,))
    i = pt.arange(400)
    graph = c[(i[:, None] - i[None, :]) % 400] @ x
    values = {name: np.random.default_rng(0).normal(size=400) for name in "cx"}
    here, there = (pytensor.function([c, x], graph, mode=kantor.mode(m)) for m in ("CVM", "MLX"))
    assert any("CirculantDot" in str(n.op) for n in here.maker.fgraph.apply_nodes)
    found = np.asarray(there(values["c"], values["x"]))
    np.testing.assert_allclose(found, here(values["c"], values["x"]), rtol=1e-4, atol=1e-4)
