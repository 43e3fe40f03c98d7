"""Relations in plain kanren, in PyTensor's own `KanrenRelationSub` and in Kantor's subclass."""

import warnings

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from cons import car, cdr
from etuples import etuple
from kanren import eq, lall, run
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import EquilibriumGraphRewriter
from pytensor.graph.rewriting.db import EquilibriumDB, RewriteDatabaseQuery
from pytensor.graph.rewriting.kanren import KanrenRelationSub, eval_if_etuple
from pytensor.graph.rewriting.unify import ConstrainedVar, PatternVar
from pytensor.tensor.linalg.products import KroneckerProduct
from pytensor.tensor.linalg.summary import SLogDet
from pytensor.tensor.math import Dot, _dot
from unification import unify, var, vars
from unification.variable import isvar

import kantor
from kantor.modes import register, unregister
from kantor.rewriter import _OPS, RelationSub
from matchers.readers import READERS
from relations.language import matrices, relation
from relations.library import select

A, B, C = matrices("A B C")
PY = Mode("py")


@relation(tags="products", cites="a test")
def distribute(A, B, C):
    """A (B + C) = A B + A C."""
    return A @ (B + C), A @ B + A @ C


def library(name):
    ((found,), _) = select(name)
    return found


@pytest.fixture(params=["imported", "registered"])
def _registered(request):
    if request.param == "registered":
        register()
    yield
    unregister()


class TwoOutputs(Op):
    """Gives its first input twice."""

    __props__ = ()

    def make_node(self, *inputs):
        return Apply(self, list(inputs), [inputs[0].type(), inputs[0].type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = outputs[1][0] = inputs[0]


def graph(out, inputs=None):
    return FunctionGraph(inputs, [out], clone=False)


def value(new, old):
    """Both graphs at the same random point."""
    inputs = [i for i in pytensor.graph.traversal.graph_inputs([new, old]) if i.owner is None]
    inputs = [i for i in inputs if not hasattr(i, "data")]
    rng = np.random.default_rng(0)
    point = [rng.normal(size=(3,) * i.type.ndim) for i in inputs]
    return pytensor.function(inputs, [new, old], mode=PY, on_unused_input="ignore")(*point)


# --- PyTensor's own unification is as it was ------------------------------------------------------


@pytest.mark.usefixtures("_registered")
def test_graphs_are_sequences_for_cons():
    x, y = pt.vectors("xy")
    z = x + y
    assert car(z) == z.owner.op and list(cdr(z)) == [x, y]
    op = var("op")
    assert unify(etuple(op, x, y), z, {})[op] == z.owner.op
    assert isvar(PatternVar("v")) and isvar(ConstrainedVar(lambda v: True, "c"))


@pytest.mark.usefixtures("_registered")
def test_plain_kanren_solves_for_a_factor():
    a, b = pt.matrices("ab")
    q = var()
    assert list(run(None, q, eq(pt.dot(a, b), etuple(_dot, q, b)))) == [a]


@pytest.mark.usefixtures("_registered")
def test_filters_of_a_plain_relation():
    a, b = pt.matrices("ab")
    fgraph = graph(pt.dot(a, b))
    seen = []

    def swapped(in_lv, out_lv):
        x, y = vars(2)
        return lall(eq(etuple(_dot, x, y), in_lv), eq((x, y), out_lv))

    def look(results):
        seen.extend(results)

    node = fgraph.outputs[0].owner
    KanrenRelationSub(swapped, results_filter=look).transform(fgraph, node)
    assert seen == [(a, b)]
    sub = KanrenRelationSub(swapped, node_filter=lambda node: False)
    assert sub.transform(fgraph, node) is False


@pytest.mark.usefixtures("_registered")
def test_a_node_with_two_outputs():
    x, y = pt.vectors("xy")
    one, two = TwoOutputs()(x, y)
    fgraph = graph(one, [x, y])
    found = KanrenRelationSub(eq).transform(fgraph, one.owner)
    assert found == [one, two]


@pytest.mark.usefixtures("_registered")
def test_a_plain_relation_until_nothing_changes():
    a, b, c, d, e = pt.matrices("abcde")
    fgraph = graph(a.dot(e + b.dot(c + d)))

    def distributes(in_lv, out_lv):
        x, y, z = vars(3)
        return lall(
            eq(etuple(_dot, x, etuple(pt.add, y, z)), in_lv),
            eq(etuple(pt.add, etuple(_dot, x, y), etuple(_dot, x, z)), out_lv),
        )

    EquilibriumGraphRewriter([KanrenRelationSub(distributes)], max_use_ratio=10).rewrite(fgraph)
    first, second = fgraph.outputs[0].owner.inputs
    assert fgraph.outputs[0].owner.op == second.owner.op == pt.add
    assert isinstance(first.owner.op, Dot)
    assert all(isinstance(x.owner.op, Dot) for x in second.owner.inputs)


# --- Kantor's relations in the same five situations, in the stock class ---------------------------


def test_a_relation_in_plain_kanren_both_ways():
    a, b = pt.dmatrices("ab")
    inverse, kron = pt.linalg.inv, pt.linalg.kron
    left, right = inverse(kron(a, b)), kron(inverse(a), inverse(b))
    r, q = library("inverse_of_kron"), var()
    (there,) = run(1, q, r(left, q))
    (back,) = run(1, q, r(q, right))
    assert not isinstance(there, Variable) and not isinstance(back, Variable)
    np.testing.assert_allclose(*value(eval_if_etuple(there), left))
    assert isinstance(eval_if_etuple(there).owner.op, KroneckerProduct)
    np.testing.assert_allclose(*value(eval_if_etuple(back), right))
    assert not isinstance(eval_if_etuple(back).owner.op, KroneckerProduct)
    assert run(1, q, r(left, right)) and not run(1, q, r(left, kron(a, b)))


def test_a_relation_s_results_go_through_the_stock_filters():
    a, b, c, d = pt.dmatrices("abcd")
    fgraph = graph(a.dot(b + c + d))
    node = fgraph.outputs[0].owner
    counted = []

    def count(results):
        counted.extend(results)

    KanrenRelationSub(distribute, results_filter=count).transform(fgraph, node)
    assert len(counted) >= 3, "the sum may be split in several ways"
    sub = KanrenRelationSub(distribute, node_filter=lambda node: False)
    assert sub.transform(fgraph, node) is False


def test_a_relation_on_a_node_with_two_outputs():
    a, b = pt.dmatrices("ab")
    outs = SLogDet()(pt.linalg.kron(a, b))
    fgraph = FunctionGraph([a, b], outs, clone=False)
    for sub in (KanrenRelationSub, RelationSub):
        assert not sub(library("kron_matvec")).transform(fgraph, outs[0].owner)
        found = sub(library("logabsdet_of_kron")).transform(fgraph, outs[0].owner)
        assert found is False or [o.type for o in found] == [o.type for o in outs]


@pytest.mark.parametrize("sub", [KanrenRelationSub, RelationSub])
def test_a_relation_until_nothing_changes(sub):
    a, b, c, d, e = pt.dmatrices("abcde")
    out = a.dot(e + b.dot(c + d))
    fgraph = FunctionGraph([a, b, c, d, e], [out], clone=True)
    rewriter = EquilibriumGraphRewriter([sub(distribute)], max_use_ratio=10)
    rewriter.rewrite(fgraph)
    dots = [n for n in fgraph.apply_nodes if isinstance(n.op, Dot)]
    assert all(not _is_sum(i) for n in dots for i in n.inputs)
    old = out
    new = pytensor.graph.replace.clone_replace(
        fgraph.outputs[0], dict(zip(fgraph.inputs, [a, b, c, d, e], strict=True))
    )
    np.testing.assert_allclose(*value(new, old))


def _is_sum(x):
    return x.owner is not None and x.owner.op == pt.add


# --- Kantor's own subclass ------------------------------------------------------------------------


def test_it_tracks_only_the_ops_that_its_left_side_starts_at():
    a, b = pt.dmatrices("ab")
    sub = RelationSub(library("inverse_of_kron"))
    kron, inverse = pt.linalg.kron(a, b), pt.linalg.inv(a)
    plain = pt.exp(a)
    tracks = tuple(sub.tracks())
    assert isinstance(inverse.owner.op, tracks)
    assert not isinstance(kron.owner.op, tracks)
    assert not isinstance(plain.owner.op, tracks)
    assert RelationSub(eq).tracks() is None


@pytest.mark.parametrize("r", select(None)[0], ids=lambda r: r.name)
def test_every_relation_says_what_it_tracks(r):
    tracks = RelationSub(r).tracks()
    assert tracks is None or (tracks and all(isinstance(t, type) for t in tracks))


def test_the_table_of_ops_names_ops_that_are_read():
    known = {t.__name__ for t in READERS}
    assert {name for names in _OPS.values() for name in names} <= known


def test_it_runs_nothing_on_other_ops():
    def never(in_lv, out_lv):
        raise AssertionError("run")

    sub = RelationSub(library("inverse_of_kron"))
    sub.kanren_relation = never
    fgraph = graph(pt.exp(pt.dmatrix("a")))
    assert sub.transform(fgraph, fgraph.outputs[0].owner) is False


def test_a_bare_variable_is_a_result():
    # In the stock class it ends in "the truth value of a variable is ambiguous".
    x = pt.dvector("x")
    fgraph = graph(-x)

    def drop(in_lv, out_lv):
        return eq(out_lv, x)

    assert RelationSub(drop).transform(fgraph, fgraph.outputs[0].owner) == [x]


def test_results_of_another_type_are_refused():
    x, same = pt.dvector("x"), pt.dvector("same")
    wrong = [pt.fvector("f"), pt.dmatrix("m"), pt.dscalar("s"), "no variable", [same, same]]
    fgraph = graph(-x)

    def several(in_lv, out_lv):
        return lambda s: iter([dict(s, **{}) | {out_lv: w} for w in [*wrong, same]])

    assert RelationSub(several).transform(fgraph, fgraph.outputs[0].owner) == [same]


def test_a_column_stands_for_its_vector_and_lengths_are_kept():
    x = pt.tensor("x", shape=(3,), dtype="float64")
    column = pt.tensor("c", shape=(None, 1), dtype="float64")
    fgraph = graph(-x)
    (new,) = RelationSub(lambda i, o: eq(o, column)).transform(fgraph, fgraph.outputs[0].owner)
    assert new.type == x.type


def test_other_lengths_are_refused():
    x, other = (pt.tensor("x", shape=(n,), dtype="float64") for n in (3, 4))
    fgraph = graph(-x)
    assert (
        RelationSub(lambda i, o: eq(o, other)).transform(fgraph, fgraph.outputs[0].owner) is False
    )


def test_the_same_graph_is_no_result():
    fgraph = graph(-pt.dvector("x"))
    assert RelationSub(eq).transform(fgraph, fgraph.outputs[0].owner) is False


def test_a_failing_relation_is_reported_by_name_and_left_out():
    calls = []

    def broken(in_lv, out_lv):
        calls.append(in_lv)
        raise KeyError("lost")

    fgraph = graph(-pt.dvector("x"))
    sub, node = RelationSub(broken), fgraph.outputs[0].owner
    with pytest.warns(kantor.KantorWarning, match="leaves out broken: KeyError"):
        assert sub.transform(fgraph, node) is False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sub.transform(fgraph, node) is False
    assert len(calls) == 1
    with pytensor.config.change_flags(on_opt_error="raise"), pytest.raises(KeyError):
        RelationSub(broken).transform(fgraph, node)


def test_it_works_alone_in_any_pytensor_database():
    a, b, v = pt.dmatrix("a"), pt.dmatrix("b"), pt.dvector("v")
    out = pt.linalg.kron(a, b).dot(v)
    database = EquilibriumDB()
    sub = RelationSub(library("kron_matvec"))
    database.register("my_kron", sub, "mine", *sub.tags)
    fgraph = FunctionGraph([a, b, v], [out], clone=True)
    query = RewriteDatabaseQuery(include=["mine"])
    database.query(query.excluding("kantor:kronecker")).rewrite(fgraph)
    assert any(isinstance(n.op, KroneckerProduct) for n in fgraph.apply_nodes)
    database.query(query).rewrite(fgraph)
    assert not any(isinstance(n.op, KroneckerProduct) for n in fgraph.apply_nodes)
    assert fgraph.outputs[0].type == out.type
