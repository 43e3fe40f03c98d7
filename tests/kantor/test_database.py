"""The rewrite database: entries, what a query selects, and the rewriter that it builds."""

import io
import warnings
from types import SimpleNamespace

import pytensor
import pytensor.tensor as pt
import pytest
from kanren import eq
from pytensor.compile.mode import get_mode, optdb
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import SequentialGraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.tensor.linalg.products import KroneckerProduct

import kantor
from kantor.database import RelationDatabase
from kantor.engine import Engine
from kantor.rewriter import KantorRewriter
from relations.language import matrices, relation
from relations.library import AFTER_GRADIENTS, OFF_BY_DEFAULT, library

A, B = matrices("A B")
FAST_RUN = RewriteDatabaseQuery(include=["fast_run"])


@relation(tags=("inverses", OFF_BY_DEFAULT), cites="a test")
def unstable_inverse_of_product(A, B):
    """(A B)⁻¹ = B⁻¹ A⁻¹."""
    return (
        kantor.inverse(A @ B),
        kantor.inverse(B) @ kantor.inverse(A),
        kantor.square(A, B),
    )


def named(name):
    @relation(name=name, tags="inverses", cites="a test")
    def inverse_of_inverse(A):
        """(A⁻¹)⁻¹ = A."""
        return kantor.inverse(kantor.inverse(A)), A

    return inverse_of_inverse


def names(entries):
    return [e.name for e in entries]


def kron_graph():
    a, b, v = pt.dmatrix("a"), pt.dmatrix("b"), pt.dvector("v")
    return FunctionGraph([a, b, v], [pt.linalg.kron(a, b) @ v], clone=False)


def builds_kron(fgraph):
    return any(isinstance(n.op, KroneckerProduct) for n in fgraph.apply_nodes)


def test_every_relation_is_an_entry_under_its_own_name_and_tags():
    database = RelationDatabase()
    for r in library():
        assert database[r.name].relation is r
        for tag in r.tags:
            found = database.selected(RewriteDatabaseQuery(include=[tag]))
            assert r.name in names(found)


@pytest.mark.parametrize("tag", ["fast_run", "fast_compile", "stabilize", "kantor"])
def test_what_is_on_by_default_is_in_every_mode(tag):
    found = RelationDatabase().selected(RewriteDatabaseQuery(include=[tag]))
    # "stabilize" is what PyMC asks for before it differentiates.
    off = {OFF_BY_DEFAULT, AFTER_GRADIENTS} if tag == "stabilize" else {OFF_BY_DEFAULT}
    assert names(found) == [r.name for r in library() if not off & {*r.tags}]


def test_a_query_excludes_by_name_and_by_tag():
    database = RelationDatabase()
    every = names(database.selected(FAST_RUN))
    one = names(database.selected(FAST_RUN.excluding("kron_matvec")))
    assert set(every) - set(one) == {"kron_matvec"}
    family = database.selected(FAST_RUN.excluding("kantor:kronecker"))
    assert family and not any("kantor:kronecker" in e.tags for e in family)


def test_nothing_selected_builds_nothing():
    built = RelationDatabase().query(FAST_RUN.excluding("kantor"))
    assert isinstance(built, SequentialGraphRewriter) and not len(built)


def test_the_order_is_the_library_s_whatever_the_query():
    database = RelationDatabase()
    tags = ["kantor:kronecker", "kantor:inverses"]
    there = names(database.selected(RewriteDatabaseQuery(include=tags)))
    back = names(database.selected(RewriteDatabaseQuery(include=tags[::-1])))
    assert there == back == [e for e in names(database.entries) if e in there]


def test_asking_for_something_off_by_default_turns_it_on():
    # As an explicit choice it is on; the library's own are off until included.
    database = RelationDatabase([unstable_inverse_of_product, "kron_matvec"])
    assert set(names(database.selected(FAST_RUN))) == {
        "unstable_inverse_of_product",
        "kron_matvec",
    }
    off = {r.name for r in library() if OFF_BY_DEFAULT in r.tags}
    including = RelationDatabase().selected(FAST_RUN.including(OFF_BY_DEFAULT))
    assert off <= set(names(including))
    assert not off & set(names(RelationDatabase().selected(FAST_RUN)))


def test_one_engine_for_each_selection():
    database = RelationDatabase("kantor:kronecker")
    chosen, fewer = (
        database.selected(FAST_RUN),
        database.selected(FAST_RUN.excluding("kron_matvec")),
    )
    assert database._engine(chosen) is database._engine(chosen)
    assert database._engine(chosen) is not database._engine(fewer)
    assert "kron_matvec" not in [r.name for r in database._engine(fewer).relations]


def test_a_name_that_pytensor_has_is_prefixed():
    # Excluding PyTensor's rewrite must not leave out the relation, nor the other way round.
    assert "local_log1p" in optdb["stabilize"]
    (entry,) = RelationDatabase(named("local_log1p")).entries
    assert entry.name == "kantor_local_log1p"
    assert str(entry) == "local_log1p"
    (entry,) = RelationDatabase(named("fast_run")).entries
    assert entry.name == "kantor_fast_run"
    (entry,) = RelationDatabase(named("inverse_of_inverse_2")).entries
    assert entry.name == "inverse_of_inverse_2"


def test_a_name_that_was_only_asked_for_is_free():
    # PyTensor notes each name that a query excludes, in each of its databases.
    _ = get_mode("CVM").excluding("asked_for_only").optimizer
    assert "asked_for_only" in optdb
    (entry,) = RelationDatabase(named("asked_for_only")).entries
    assert entry.name == "asked_for_only"


def test_a_plain_goal_is_an_entry():
    def swap(in_lv, out_lv):
        return eq(in_lv, out_lv)

    database = RelationDatabase(["kron_matvec", swap])
    assert names(database.entries) == ["kron_matvec", "swap"]
    assert names(database.selected(FAST_RUN.excluding("kantor:goal"))) == ["kron_matvec"]


def test_an_unknown_name_is_named():
    with pytest.raises(ValueError, match="kron_matvec"):
        RelationDatabase("kron_matvek")


def test_the_rewriter_rewrites_with_what_was_selected():
    database = RelationDatabase("kantor:kronecker")
    fgraph = kron_graph()
    database.query(FAST_RUN.excluding("kantor:kronecker")).rewrite(fgraph)
    assert builds_kron(fgraph)
    database.query(FAST_RUN).rewrite(fgraph)
    assert not builds_kron(fgraph)


def test_a_graph_without_linear_algebra_makes_no_engine():
    x = pt.dvector("x")
    fgraph = FunctionGraph([x], [pt.exp(x).sum()], clone=False)
    assert KantorRewriter(lambda: pytest.fail("an engine was made")).rewrite(fgraph) is None


class Failing:
    def __init__(self):
        self.calls = 0

    def rewrite(self, fgraph):
        self.calls += 1
        raise ZeroDivisionError("no reason")


def test_a_failure_is_reported_once_and_the_graph_is_as_it_was():
    engine, fgraph = Failing(), kron_graph()
    rewriter = KantorRewriter(lambda: engine)
    with pytest.warns(kantor.KantorWarning, match="ZeroDivisionError: no reason") as caught:
        rewriter.rewrite(fgraph)
        rewriter.rewrite(fgraph)
    assert len(caught) == 1 and engine.calls == 1
    assert builds_kron(fgraph)


def test_rounds_on_one_graph_are_bounded():
    # PyTensor may put back what Kantor replaces, and would then abort the whole phase.
    class Restless(Failing):
        def rewrite(self, fgraph):
            self.calls += 1
            return [SimpleNamespace(relations=(f"round_{self.calls}",))]

    engine, fgraph = Restless(), kron_graph()
    rewriter = KantorRewriter(lambda: engine)
    with pytest.warns(kantor.KantorWarning, match="8 rounds, the last by round_8"):
        for _ in range(20):
            rewriter.rewrite(fgraph)
    assert engine.calls == 8


@pytest.mark.filterwarnings("error::kantor.KantorWarning")
def test_a_round_that_repeats_others_is_the_last():
    class Repeating(Failing):
        def rewrite(self, fgraph):
            self.calls += 1
            return [SimpleNamespace(relations=("there_and_back",))]

    engine, fgraph = Repeating(), kron_graph()
    rewriter = KantorRewriter(lambda: engine)
    for _ in range(20):
        rewriter.rewrite(fgraph)
    assert engine.calls == 3


def test_a_failure_is_raised_where_pytensor_is_told_to_raise():
    rewriter = KantorRewriter(Failing)
    with pytensor.config.change_flags(on_opt_error="raise"), pytest.raises(ZeroDivisionError):
        rewriter.rewrite(kron_graph())


def test_the_profile_names_the_relations():
    rewriter = KantorRewriter(lambda: Engine(library()))
    profile = rewriter.rewrite(kron_graph())
    assert profile is not None
    merged = rewriter.merge_profile(profile, rewriter.merge_profile(None, profile))
    out = io.StringIO()
    rewriter.print_profile(out, profile)
    rewriter.print_profile(out, merged)
    rewriter.print_profile(out, None)
    assert "1 × kron_matvec" in out.getvalue() and "2 × kron_matvec" in out.getvalue()


def test_the_second_round_is_silent_and_takes_no_steps():
    fgraph = kron_graph()
    rewriter = RelationDatabase().query(FAST_RUN)
    rewriter.rewrite(fgraph)
    before = fgraph.toposort()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = rewriter.rewrite(fgraph)
    assert fgraph.toposort() == before
    assert not again[1]
