"""Runs of neighbours: where two sequences differ, and what one becomes in the place of another."""

from __future__ import annotations

import pytest

from matchers.runs import differing, exchanged

DIFFERING = {
    "in the middle": ("axd", "abcd", "x", "bc"),
    "at the start": ("xcd", "abcd", "x", "ab"),
    "at the end": ("abx", "abcd", "x", "cd"),
    "all": ("x", "ab", "x", "ab"),
    "nothing": ("abc", "abc", "", ""),
    "more of the same": ("aa", "aaa", "", "a"),
    "less of the same": ("abab", "ab", "ab", ""),
}


@pytest.mark.parametrize("name", DIFFERING)
def test_differing(name: str) -> None:
    a, b, old, new = map(tuple, DIFFERING[name])
    assert differing(a, b) == (old, new)


EXCHANGED = {
    "once": ("abcd", "bc", "x", "axd"),
    "twice": ("abab", "ab", "x", "xx"),
    "from the left": ("aaa", "aa", "x", "xa"),
    "what is not there": ("abcd", "cb", "x", "abcd"),
    "nothing for something": ("abcd", "bc", "", "ad"),
    "something for nothing": ("ab", "", "x", "ab"),
    "the same": ("ab", "a", "a", "ab"),
}


@pytest.mark.parametrize("name", EXCHANGED)
def test_exchanged(name: str) -> None:
    args, old, new, expected = map(tuple, EXCHANGED[name])
    assert exchanged(args, old, new) == expected


def test_what_is_not_there_leaves_the_very_same() -> None:
    args = ("a", "b")
    assert exchanged(args, ("c",), ()) is args
