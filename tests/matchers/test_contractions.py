"""Contractions: what is a product of matrices reads as one, and all have their value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers import vocabulary as v
from matchers.contractions import contract, read
from matchers.dims import ONE
from matchers.leaves import atom
from matchers.terms import shape
from tests.matchers.literal import draw
from tests.support import evaluate

AA, BB, CC = pt.matrices("A", "B", "C")
xx, yy = pt.vectors("x", "y")
A, B, C = map(atom, (AA, BB, CC))
x, y = atom(xx, 1), atom(yy, 1)

CHAINS: dict[str, tuple[Any, Any]] = {
    "ij,jk->ik": ((A, B), A @ B),
    "ij,kj->ik": ((A, B), A @ B.T),
    "ji,jk->ik": ((A, B), A.T @ B),
    "ij,jk->ki": ((A, B), B.T @ A.T),
    "ij->ij": ((A,), A),
    "ij->ji": ((A,), A.T),
    "jk,ij,kl->il": ((A, B, C), B @ A @ C),
    "ij,j->i": ((A, x), A @ x),
    "i,ij->j": ((x, A), A.T @ x),
    "i,j->ij": ((x, y), x @ y.T),
    "j,i->ij": ((x, y), y @ x.T),
    "ij,j,k->ik": ((A, x, y), A @ x @ y.T),
    "i,i->": ((x, y), v.item(x.T @ y)),
    "i,ij,j->": ((x, A, y), v.item(x.T @ A @ y)),
    "ij,ji->": ((A, B), v.trace(A @ B)),
    "ij,ij->": ((A, B), v.trace(A @ B.T)),
    "ij,jk,ki->": ((A, B, C), v.trace(A @ B @ C)),
}


@pytest.mark.parametrize("spec", CHAINS)
def test_chains_are_products(spec: str) -> None:
    terms, product = CHAINS[spec]
    assert read(spec, terms) is product


SIMPLIFIED: dict[str, tuple[Any, Any]] = {
    "ij,ij->ij": ((A, B), v.mul(A, B)),
    "ij,ji->ij": ((A, B), v.mul(A, B.T)),
    "i,i->i": ((x, y), v.mul(x, y)),
    "ij->i": ((A,), A @ v.ones(shape(A)[1])),
    "ij->j": ((A,), A.T @ v.ones(shape(A)[0])),
    "ij->": ((A,), v.item(v.ones(shape(A)[0]).T @ A @ v.ones(shape(A)[1]))),
    "ij,j->ij": ((A, x), A @ v.diag(x)),
    "i,ij->ij": ((x, A), v.diag(x) @ A),
    "ij,j,jk->ik": ((A, x, B), A @ v.diag(x) @ B),
    "ij,jk,j->": (
        (A, B, x),
        v.item(v.ones(shape(A)[0]).T @ A @ v.diag(x) @ B @ v.ones(shape(B)[1])),
    ),
    "ij,ij,jk->ik": ((A, B, C), v.mul(A, B) @ C),
}


@pytest.mark.parametrize("spec", SIMPLIFIED)
def test_what_becomes_a_product(spec: str) -> None:
    terms, product = SIMPLIFIED[spec]
    assert read(spec, terms) is product


@pytest.mark.parametrize("spec", ["ij,kl->ij", "ij,ik,il->jk", "ij,jk,kl,jl->il"])
def test_what_is_no_product_is_one_contraction(spec: str) -> None:
    terms = [A for _ in spec.split("->", maxsplit=1)[0].split(",")]
    term = read(spec, terms)
    assert term is not None and term.head is contract
    assert term.args == (spec, *terms)


@pytest.mark.parametrize("spec", ["ii->i", "ii,ij->j", "ijk,k->ij", ",ij->ij", "ij,jk->ii"])
def test_what_is_not_read(spec: str) -> None:
    if spec == "ij,jk->ii":
        assert read(spec, (A, B)) is None
    else:
        assert read(spec, [A] * spec.split("->", maxsplit=1)[0].count(",") + [A]) is None


INDICES = "ijkl"
parts = st.lists(st.sampled_from(INDICES), min_size=1, max_size=2, unique=True).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(parts, min_size=1, max_size=4), st.data())
def test_every_contraction_has_its_value(inputs: list[str], data: Any) -> None:
    used = sorted(set("".join(inputs)))
    output = "".join(data.draw(st.lists(st.sampled_from(used), max_size=2, unique=True)))
    spec = f"{','.join(inputs)}->{output}"
    lengths = dict(zip(INDICES, (2, 3, 4, 5), strict=True))
    variables = [pt.vector() if len(p) == 1 else pt.matrix() for p in inputs]
    terms = [atom(z, z.type.ndim) for z in variables]
    values = {z: draw(*(lengths[i] for i in p)) for z, p in zip(variables, inputs, strict=True)}
    term = read(spec, terms)
    assert term is not None
    want = np.einsum(spec, *values.values())
    rows, cols, batch = shape(term)
    assert batch == () and (len(output) == 2 or cols == ONE) and (output or rows == ONE)
    if term.head is not contract:  # PyTensor's own einsum is tested below, and slow
        got = evaluate(pt.as_tensor(term.evaled_obj), values)
        np.testing.assert_allclose(got.reshape(want.shape), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spec", ["ij,ij->ij", "ij->i", "ij->", "i,ij->ij"])
def test_contractions_are_built(spec: str) -> None:
    terms = [A if len(p) == 2 else x for p in spec.split("->", maxsplit=1)[0].split(",")]
    values = {AA: draw(3, 4), xx: draw(3)}
    term = read(spec, terms)
    assert term is not None
    got = evaluate(term.evaled_obj, values)
    want = np.einsum(spec, *(values[t.var] for t in terms))
    np.testing.assert_allclose(got.reshape(want.shape), want)
