"""`register` and `unregister`: Kantor in PyTensor's global database, and out of it again."""

import io
from contextlib import redirect_stdout

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from etuples import etuple
from kanren import eq, run
from pytensor.compile.mode import FAST_COMPILE, Mode, get_mode, optdb
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor.linalg.products import KroneckerProduct
from pytensor.tensor.math import _dot
from unification import var

from kantor.modes import mode, register, unregister
from kantor.rewriter import KantorRewriter

PY = Mode("py")
FAST_RUN = RewriteDatabaseQuery(include=["fast_run"])


@pytest.fixture(autouse=True)
def _unregistered():
    unregister()
    yield
    unregister()


def kron_vector():
    a, b, v = pt.dmatrix("a"), pt.dmatrix("b"), pt.dvector("v")
    return [a, b, v], pt.linalg.kron(a, b) @ v


def builds_kron(mode=PY):
    inputs, out = kron_vector()
    f = pytensor.function(inputs, out, mode=mode)
    return any(isinstance(n.op, KroneckerProduct) for n in f.maker.fgraph.apply_nodes)


def registered():
    """Kantor's rewriters in the stabilize phase as PyTensor builds it."""
    return [r for r in optdb["stabilize"].query(FAST_RUN).global_rewriters]


def state():
    """What PyTensor builds for its modes: the rewriters of every phase, by name."""
    query = RewriteDatabaseQuery(include=["fast_run", "fast_compile", "stabilize", "numba"])
    built = []
    for phase in optdb.query(query).data:
        nodes = [str(r) for r in getattr(phase, "get_node_rewriters", list)()]
        built.append((phase.name, nodes, len(getattr(phase, "global_rewriters", ()))))
    return built


def test_a_registered_kantor_is_in_every_plain_function():
    assert builds_kron()
    register()
    assert not builds_kron()
    assert not builds_kron("CVM")
    assert not builds_kron(FAST_COMPILE)
    assert [type(r) for r in registered()] == [KantorRewriter]


@pytest.mark.parametrize("backend", ["NUMBA", "CVM", "JAX", "MLX", "FAST_COMPILE"])
def test_it_is_in_every_mode(backend):
    register()
    phases = {p.name: p for p in get_mode(backend).optimizer.data}
    assert [type(r) for r in phases["stabilize"].global_rewriters] == [KantorRewriter]


def test_the_results_are_the_same():
    inputs, out = kron_vector()
    rng = np.random.default_rng(1)
    values = [rng.normal(size=s) for s in ((3, 4), (5, 2), 8)]
    plain = pytensor.function(inputs, out, mode=PY)(*values)
    register()
    np.testing.assert_allclose(pytensor.function(inputs, out, mode=PY)(*values), plain)


def test_unregistering_leaves_pytensor_as_it_was():
    before = state()
    register()
    assert state() != before
    unregister()
    assert state() == before
    assert builds_kron()


def test_twice_is_once_and_again_works():
    register()
    register()
    assert len(registered()) == 1 and not builds_kron()
    unregister()
    unregister()
    assert registered() == [] and builds_kron()
    register()
    assert len(registered()) == 1 and not builds_kron()


def test_registering_again_replaces():
    register(relations="inverses")
    assert builds_kron()
    register(relations="kron_matvec")
    assert not builds_kron()


def test_an_unknown_relation_changes_nothing():
    register(relations="kron_matvec")
    with pytest.raises(ValueError, match="kron_matvec"):
        register(relations="kron_matvek")
    assert not builds_kron()


@pytest.mark.parametrize("tag", ["kron_matvec", "kantor:kronecker", "kantor"])
def test_modes_exclude_by_name_and_tag(tag):
    register(relations=["kron_matvec", "inverse_of_kron"])
    assert builds_kron(PY.excluding(tag))
    assert not builds_kron(PY.excluding("inverse_of_kron"))


def test_a_mode_that_excluded_kantor_before_it_was_registered():
    # PyTensor notes the names that a query excludes, and refuses to register them afterwards.
    names = ("kantor", "kantor_relations", "kron_matvec", "kantor:kronecker")
    _ = PY.excluding(*names).optimizer
    register(relations="kantor:kronecker")
    assert not builds_kron()
    for name in ("kantor", "kantor:kronecker"):
        assert builds_kron(PY.excluding(name))


def test_a_mode_of_its_own_does_not_rewrite_twice():
    register()
    phases = mode(PY).optimizer.data
    found = [p._phase() if hasattr(p, "_phase") else p for p in phases]
    rewriters = [g for p in found for g in getattr(p, "global_rewriters", ())]
    assert sum(type(g) is KantorRewriter for g in rewriters) == 1
    # What its own selection leaves out, the registered one does not bring back.
    assert builds_kron(mode(PY, relations="inverses"))
    assert builds_kron(mode(PY).excluding("kantor"))


def test_a_mode_of_its_own_keeps_working_when_kantor_is_unregistered():
    register()
    made = mode(PY)
    unregister()
    assert not builds_kron(made)


def test_rewrite_graph_with_stabilize_has_it():
    # What PyMC does before it differentiates.
    register()
    _, out = kron_vector()
    new = rewrite_graph(out, include=("canonicalize", "stabilize"), clone=True)
    assert "KroneckerProduct" not in pytensor.dprint(new, file="str")
    plain = rewrite_graph(out, include=("canonicalize",), clone=True)
    assert "KroneckerProduct" in pytensor.dprint(plain, file="str")


def test_steps_show_under_the_relation_s_name():
    register(relations="kron_matvec")
    text = io.StringIO()
    with pytensor.config.change_flags(optimizer_verbose=True), redirect_stdout(text):
        builds_kron()
    assert "rewrite kron_matvec replaces" in text.getvalue()


def test_unification_of_plain_graphs_is_as_it_was():
    register()
    a, b = pt.matrices("ab")
    q = var()
    assert list(run(None, q, eq(pt.dot(a, b), etuple(_dot, q, b)))) == [a]
