"""Facts inferred as far as a rule looks are the facts that PyTensor infers."""

from __future__ import annotations

from random import Random

import numpy as np
import pytensor.tensor as pt
import pytensor.tensor.linalg as L
import pytest
from pytensor.assumptions import (
    DIAGONAL,
    IMPLIES,
    KEY_REGISTRY,
    LOWER_TRIANGULAR,
    POSITIVE_DEFINITE,
    SYMMETRIC,
    TRIDIAGONAL,
    AssumptionFeature,
    ConflictingAssumptionsError,
    FactState,
    SpecifyAssumptions,
    assume,
)
from pytensor.assumptions.core import ASSUMPTION_INFER_REGISTRY
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.fg import FunctionGraph
from pytensor.scan import scan
from pytensor.tensor.reshape import join_dims, split_dims
from pytensor.tensor.shape import SpecifyShape

from lowering.blas import potri, syr2k, syrk
from matchers import assumptions
from matchers.assumptions import Facts
from matchers.properties import declare

declare()  # Kantor's keys are asked as well
KEYS = list(KEY_REGISTRY)
CONFLICT = "conflict"
GRAPHS = 40
INDEX = pt.iscalar("n")


# --- random graphs of the Ops that have rules -----------------------------------------------------


def _twice():
    x = pt.matrix("x", shape=(3, 3))
    return OpFromGraph([x], [x + x.mT])


def _scanned(x):
    return scan(lambda a: a @ a, outputs_info=[x], n_steps=2, return_updates=False)[-1]


def _entries(x):
    """Three numbers: of a diagonal, and of all that there is."""
    number = x.sum() * x.prod() * x.max()
    there_and_back = pt.tensor_from_scalar(pt.scalar_from_tensor(number))
    return pt.concatenate([pt.diagonal(x)[:1], pt.stack([number, there_and_back])])


def _any_of(random, outputs):
    return random.choice([o for o in outputs if o.type.ndim >= 2])


def _literal(random):
    return pt.constant(
        random.choice(
            [
                np.eye(3),
                np.diag([1.0, 0.0, 2.0]),
                np.eye(3)[[1, 2, 0]],
                np.tri(3),
                np.ones((3, 3)),
                np.arange(9.0).reshape(3, 3),
            ]
        )
    )


# Each makes a 3 × 3 matrix of others.
UNARY = {
    "transpose": lambda r, x: x.mT,
    "conj": lambda r, x: x.conj().mT,
    "neg": lambda r, x: -x,
    "exp": lambda r, x: pt.exp(x) * pt.special.softmax(x, axis=-1),
    "scaled": lambda r, x: 2.0 * x,
    "power": lambda r, x: x ** r.choice([2.0, 0.0]),
    "shifted": lambda r, x: x + r.choice([0.0, 1.0]),
    "divided": lambda r, x: x / r.choice([2.0, pt.exp(x)]),
    "row": lambda r, x: x * pt.vector("row", shape=(3,)),
    "cast": lambda r, x: pt.cast(x, "float32").astype("float64"),
    "cholesky": lambda r, x: L.cholesky(x, lower=r.random() < 0.7),
    "inverse": lambda r, x: L.inv(x),
    "pinv": lambda r, x: L.pinv(x),
    "eigh": lambda r, x: L.eigh(x)[1],
    "svd": lambda r, x: _any_of(r, L.svd(x, full_matrices=r.random() < 0.5)),
    "qr": lambda r, x: _any_of(r, L.qr(x, mode=r.choice(["full", "economic"]))),
    "lu": lambda r, x: _any_of(r, L.lu(x)),
    "schur": lambda r, x: _any_of(r, L.schur(x, output="real")),
    "qz": lambda r, x: _any_of(r, L.qz(x, x)),
    "specified": lambda r, x: SpecifyShape()(x, 3, 3),
    "gram": lambda r, x: x @ x.mT,
    "squared": lambda r, x: x @ x,
    "dotted": lambda r, x: pt.dot(x, x.T),
    "allocated": lambda r, x: pt.alloc(x, 2, 3, 3)[1],
    "batched": lambda r, x: L.cholesky(pt.stack([x, x]))[0],
    "expanded": lambda r, x: x[None][0],
    "split": lambda r, x: join_dims(split_dims(x[None], shape=(1, 1), axis=0), n_axes=2)[0],
    "reshaped": lambda r, x: x[None].reshape((1, 1, 3, 3)).reshape((1, 3, 3))[0],
    "columns": lambda r, x: x[:, [2, 0, 1]],
    "some columns": lambda r, x: x[:, :3],
    "set diagonal": lambda r, x: pt.set_subtensor(x[[0, 1, 2], [0, 1, 2]], 1.0),
    "set": lambda r, x: x[:].inc(x) if r.random() < 0.5 else x[None][:1].set(x[None])[0],
    "set entry": lambda r, x: pt.set_subtensor(x[INDEX, INDEX], 5.0),
    "scan": lambda r, x: _scanned(x),
    "inner": lambda r, x: _twice()(x.astype("float64")),
    "block": lambda r, x: L.block_diag(x[:1, :1], x[1:, 1:]),
    "entries": lambda r, x: pt.diag(_entries(x)),
}
BINARY = {
    "plus": lambda r, x, y: x + y,
    "minus": lambda r, x, y: x - y,
    "times": lambda r, x, y: x * y,
    "product": lambda r, x, y: x @ y,
    "congruence": lambda r, x, y: (x @ y) @ x.mT,
    "mirrored": lambda r, x, y: x.mT @ (y @ x),
    "kron": lambda r, x, y: L.kron(x, y)[:3, :3],
    "blocks": lambda r, x, y: L.block_diag(x, y)[:3, :3],
    "solved": lambda r, x, y: L.solve(x, y, assume_a=r.choice(["gen", "pos", "sym", "her"])),
    "lyapunov": lambda r, x, y: L.solve_discrete_lyapunov(x, y, method="bilinear"),
    "twice": lambda r, x, y: syr2k(*_doubles(x, y)),
    "halved": lambda r, x, y: syrk(*_doubles(x)),
    "from the factor": lambda r, x, y: potri(*_doubles(x)),
    "batched product": lambda r, x, y: pt.stack([x, y]) @ y,
    "batched set": lambda r, x, y: pt.set_subtensor(pt.alloc(x, 2, 3, 3)[1], y)[0],
}
LEAVES = {
    "matrix": lambda r: pt.matrix("A", shape=(3, 3)),
    "open": lambda r: pt.matrix("B"),
    "stack": lambda r: pt.tensor3("T", shape=(2, 3, 3))[0],
    "literal": _literal,
    "eye": lambda r: pt.eye(3, k=r.choice([-1, 0, 0, 1, 5])),
    "eye of": lambda r: pt.eye(INDEX, INDEX),
    "filled": lambda r: pt.alloc(r.choice([0.0, 2.0]), 3, 3),
    "diag": lambda r: pt.diag(r.choice([pt.vector("d"), pt.exp(pt.vector("d")), pt.ones(3)])),
    "off": lambda r: pt.diag(pt.vector("d", shape=(2,)), k=r.choice([-1, 1])),
}


def _doubles(*matrices):
    return [pt.cast(x, "float64") for x in matrices]


def _assumed(random, x):
    names = random.sample(KEYS, random.choice([1, 1, 2]))
    return assume(x, **{name: random.random() > 0.4 for name in names})


def _grown(seed, size, contradict):
    """Variables, each made of earlier ones, with an assumption here and there."""
    random = Random(seed)
    unary = list(UNARY.values())
    pool = [f(random) for f in random.sample(list(LEAVES.values()), 4)]
    # What is assumed of a leaf contradicts no proof.
    pool += [_assumed(random, pt.matrix("C", shape=(3, 3))) for _ in range(2)]
    if contradict:
        sure = [LEAVES[name] for name in ("literal", "eye", "filled", "diag", "off")]
        pool += [_assumed(random, random.choice(sure)(random)) for _ in range(4)]
    while len(pool) < size:
        if random.random() < 0.6:
            # In turn, so that few graphs have them all.
            made = unary[(seed * size + len(pool)) % len(unary)](random, random.choice(pool))
        else:
            made = random.choice(list(BINARY.values()))(random, *random.sample(pool, 2))
        if made.type.ndim == 2 and contradict and random.random() < 0.3:
            made = _assumed(random, made)
        pool.append(made if made.type.ndim == 2 else made[0])
    return pool


def _graph(seed, contradict=False, size=16):
    pool = _grown(seed, size, contradict)
    fgraph = FunctionGraph(outputs=[v for v in pool if v.owner is not None], clone=False)
    asked = [(v, k) for v in dict.fromkeys((*fgraph.variables, *pool)) for k in KEYS]
    return fgraph, asked


# --- what PyTensor and what Facts answer ----------------------------------------------------------


def _ask(question, *args):
    try:
        return question(*args)
    except ConflictingAssumptionsError:
        return CONFLICT


def _pytensor(fgraph, var, name, known=()):
    feature = AssumptionFeature()
    fgraph.attach_feature(feature)
    feature.cache.update(known)
    answer = _ask(feature.check, var, KEY_REGISTRY[name])
    fgraph.remove_feature(feature)
    return answer


def _contradictions(fgraph):
    """Where evidence contradicts itself, with what PyTensor has to go on with: nothing."""
    found = {}
    for node in fgraph.toposort():
        for key, _ in getattr(node.op, "assumptions", ()):
            if _pytensor(fgraph, node.out, key.name, found) == CONFLICT:
                found[node.out, key] = FactState.UNKNOWN
    return found


def _facts(fgraph, asked, order):
    asked = list(asked)
    Random(order).shuffle(asked)
    facts = Facts(fgraph)
    return {question: _ask(facts.proved, *question) for question in asked}


@pytest.mark.parametrize("contradict", [False, True])
def test_answers_are_those_of_pytensor(contradict):
    kinds, answers = set(), []
    for seed in range(GRAPHS):
        fgraph, asked = _graph(seed, contradict)
        kinds |= {type(n.op) for n in fgraph.apply_nodes}
        kinds |= {type(getattr(n.op, "core_op", n.op)) for n in fgraph.apply_nodes}
        found = _facts(fgraph, asked, 0)
        for order in (1, 2):
            assert _facts(fgraph, asked, order) == found
        wrong = _contradictions(fgraph)
        for question, answer in found.items():
            expected = _pytensor(fgraph, *question)
            if answer != expected:
                # PyTensor stumbles over what no rule looks at.
                assert expected == CONFLICT != answer, (seed, question)
                assert answer == _pytensor(fgraph, *question, wrong), (seed, question)
            answers.append(answer)
    assert {t for _, t in ASSUMPTION_INFER_REGISTRY} <= kinds | {SpecifyAssumptions}
    assert answers.count(True) > len(answers) / 20
    assert (answers.count(CONFLICT) > 20) == contradict


@pytest.mark.parametrize("drained", [False, True])
def test_what_the_feature_of_the_graph_knows_counts(drained):
    proved = 0
    for seed in range(GRAPHS):
        fgraph, asked = _graph(seed)
        feature = AssumptionFeature()
        fgraph.attach_feature(feature)
        random = Random(seed)
        for var, name in random.sample(asked, 20):
            feature.check(var, KEY_REGISTRY[name])
        if drained:
            # As PyTensor does before it canonicalizes: facts move to the inputs of the markers.
            for node in fgraph.toposort():
                if isinstance(node.op, SpecifyAssumptions):
                    for key, _ in node.op.assumptions:
                        feature.get(node.out, key)
                    fgraph.replace(node.out, node.inputs[0])
            asked = [(v, k) for v, k in asked if v in fgraph.variables]
        known = dict(feature.cache)
        found = _facts(fgraph, asked, 0)
        assert feature.cache == known, "asking changes nothing"
        for (var, name), answer in found.items():
            assert answer == feature.check(var, KEY_REGISTRY[name]), (seed, var, name)
            proved += answer
    assert proved > 100


def test_a_contradiction_that_no_rule_looks_at():
    x = assume(pt.eye(3), symmetric=False)
    dense, sparse = pt.exp(x @ pt.matrix("A")), L.cholesky(x)
    fgraph = FunctionGraph(outputs=[dense, sparse], clone=False)
    facts = Facts(fgraph)
    for _ in range(2):
        with pytest.raises(ConflictingAssumptionsError):
            facts.proved(x, "symmetric")
        with pytest.raises(ConflictingAssumptionsError):
            facts.proved(x * 2.0, "symmetric")
        assert facts.proved(sparse, "lower_triangular")
        assert not facts.proved(dense, "symmetric")


# --- implications, depth, laziness ---------------------------------------------------------------


def test_keys_that_imply_one_another(monkeypatch):
    monkeypatch.setitem(IMPLIES, SYMMETRIC, [TRIDIAGONAL])
    monkeypatch.setitem(IMPLIES, TRIDIAGONAL, [SYMMETRIC])
    plain, not_tri = pt.matrix("A"), assume(pt.matrix("B"), tridiagonal=False)
    diagonal = assume(pt.matrix("C"), positive_definite=True)
    fgraph = FunctionGraph(outputs=[-plain, -not_tri, -diagonal], clone=False)
    expected = [FactState.UNKNOWN, FactState.FALSE, FactState.TRUE]
    for keys in ([SYMMETRIC, TRIDIAGONAL, DIAGONAL], [DIAGONAL, TRIDIAGONAL, SYMMETRIC]):
        facts = Facts(fgraph)
        found = {k: [facts.get(x, k) for x in (plain, not_tri, diagonal)] for k in keys}
        assert found[SYMMETRIC] == found[TRIDIAGONAL] == expected
        assert found[DIAGONAL] == [FactState.UNKNOWN, FactState.FALSE, FactState.UNKNOWN]


@pytest.mark.parametrize("order", range(5))
def test_the_order_of_questions_does_not_matter_whatever_implies_what(monkeypatch, order):
    random = Random(order)
    keys = [KEY_REGISTRY[k] for k in KEYS]
    for key in keys:
        monkeypatch.setitem(IMPLIES, key, random.sample(keys, 2))
    for seed in range(5):
        fgraph, asked = _graph(seed)
        assert _facts(fgraph, asked, 1) == _facts(fgraph, asked, 2)


DEEP = {
    "sum": lambda x, a: x + a,
    "transpose": lambda x, a: x.mT,
    "batched product": lambda x, a: a @ x,
    "marked": lambda x, a: assume(L.inv(x), orthogonal=False),
}


@pytest.mark.parametrize("name", ["lower_triangular", "symmetric"])
@pytest.mark.parametrize("step", DEEP)
def test_depth(step, name):
    for known in (True, None):
        x = a = assume(pt.matrix("a"), **{name: known})
        chain = [x := DEEP[step](x, a) for _ in range(3000)]
        fgraph = FunctionGraph(outputs=[x], clone=False)
        facts = Facts(fgraph)
        assert facts.proved(x, name) == facts.proved(chain[1001], name)
        assert facts.proved(x, name) == _pytensor(fgraph, x, name)


def test_only_what_a_rule_reads_is_inferred(monkeypatch):
    asked = []
    infer = assumptions.infer_assumption_for_node

    def counted(key, op, *others):
        asked.append((key, op))
        return infer(key, op, *others)

    monkeypatch.setattr(assumptions, "infer_assumption_for_node", counted)
    x = pt.matrix("x")
    for _ in range(50):
        x = pt.exp(x)
    factor = L.cholesky(x)
    facts = Facts(FunctionGraph(outputs=[factor], clone=False))
    assert facts.proved(factor, "lower_triangular")
    assert [key for key, _ in asked] == [LOWER_TRIANGULAR]
    assert facts.proved(factor, "lower_triangular")
    assert not facts.proved(factor, "no such key")
    assert len(asked) == 1, "remembered"


def test_without_a_graph_nothing_is_proved():
    assert not Facts(None).proved(pt.eye(3), "diagonal")


A, P, X = pt.matrix("A"), assume(pt.matrix("P"), positive_definite=True), pt.matrix("X")
MAYBE_DEFICIENT = {
    "Gram": A.mT @ A,
    "congruence": A.mT @ P @ A,
    "batched": pt.tensor3("T") @ P @ pt.tensor3("T").mT,
    "in a sum": A.mT @ A + X.mT @ X,
    "in a Kronecker product": L.kron(A.mT @ A, P),
    "inverted": L.inv(A.mT @ A),
}


@pytest.mark.parametrize("inferred", [False, True])
@pytest.mark.parametrize("name", MAYBE_DEFICIENT)
def test_what_may_be_rank_deficient_is_not_definite(name, inferred):
    fgraph = FunctionGraph(outputs=[MAYBE_DEFICIENT[name]], clone=False)
    if inferred:
        feature = AssumptionFeature()
        fgraph.attach_feature(feature)
        feature.check(fgraph.outputs[0], POSITIVE_DEFINITE)
    facts = Facts(fgraph, gram=False)
    assert not facts.proved(fgraph.outputs[0], "positive_definite")
    declared = FunctionGraph(
        outputs=[assume(MAYBE_DEFICIENT[name], positive_definite=True)], clone=False
    )
    assert Facts(declared, gram=False).proved(declared.outputs[0], "positive_definite")


def test_what_is_declared_of_a_sum_counts_when_its_marker_is_gone():
    noisy = A + pt.exp(pt.scalar("c")) * pt.eye(3)
    fgraph = FunctionGraph(outputs=[noisy], clone=False)
    feature = AssumptionFeature()
    fgraph.attach_feature(feature)
    feature.cache[noisy, POSITIVE_DEFINITE] = FactState.TRUE
    assert Facts(fgraph, gram=False).proved(noisy, "positive_definite")


def test_a_gram_matrix_is_symmetric():
    fgraph = FunctionGraph(outputs=[pt.exp(A.mT @ A), pt.exp(A @ X)], clone=False)
    facts = Facts(fgraph, gram=False)
    assert facts.proved(fgraph.outputs[0], "symmetric")
    assert not facts.proved(fgraph.outputs[1], "symmetric")
