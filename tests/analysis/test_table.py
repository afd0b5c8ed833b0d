"""A table says what is not known in its own way in every form."""

import sys

import numpy as np
import pytest

from simexec.analysis.table import Table, flags, integers, reals, texts
from simexec.errors import InputError


def example():
    return Table(
        {
            "time_ns": integers([1, 2]),
            "price_ticks": integers([None, 5]),
            "cost_bps": reals([0.5, None]),
            "maker": flags([True, None]),
            "venue": texts(["A", None]),
        }
    )


def test_rows_and_columns_have_none_where_nothing_is_known():
    assert list(example().rows()) == [
        {"time_ns": 1, "price_ticks": None, "cost_bps": 0.5, "maker": True, "venue": "A"},
        {"time_ns": 2, "price_ticks": 5, "cost_bps": None, "maker": None, "venue": None},
    ]
    assert example().to_dict()["price_ticks"] == [None, 5]
    assert len(example()) == 2


def test_arrow_has_nulls_and_types():
    table = example().to_arrow()
    assert table.to_pylist() == list(example().rows())
    assert [str(field.type) for field in table.schema][:4] == ["int64", "int64", "double", "bool"]
    empty = Table({"time_ns": integers([]), "cost_bps": reals([]), "venue": texts([]), "maker": flags([])}).to_arrow()
    assert [str(field.type) for field in empty.schema] == [
        "int64", "double", "dictionary<values=string, indices=int32, ordered=0>", "bool",
    ]  # fmt: skip


def test_pandas_takes_it():
    pandas = pytest.importorskip("pandas")
    frame = example().to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["price_ticks"].isna().tolist() == [True, False]


def test_without_pandas_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    class Arrow:
        def to_pandas(self):
            raise ModuleNotFoundError("No module named 'pandas'")

    monkeypatch.setattr(Table, "to_arrow", lambda self: Arrow())
    with pytest.raises(InputError, match=r"pandas is not installed.*pip install pandas, or use to_arrow\(\)"):
        example().to_pandas()


def test_some_of_the_rows_make_a_table():
    assert list(example().those(np.array([False, True])).rows()) == list(example().rows())[1:]
    assert example().names == ["time_ns", "price_ticks", "cost_bps", "maker", "venue"]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InputError, match=r"\{'a': 1, 'b': 2\}"):
        Table({"a": integers([1]), "b": integers([1, 2])})
