"""`service/toml_lines.py`: keys of a TOML file and the lines they stand on."""

from __future__ import annotations

import tomllib

import pytest

from stretto.service.toml_lines import line_of, lines_of

TEXT = """# settings
grace = 2

[limits]   # shared
openai = 8
"my pool" = 2
model.base_url = "x"

[ tool . "stretto" ]
store = "memory"
"""


def test_keys_have_the_lines_they_stand_on() -> None:
    """Plain, quoted and dotted keys, under the table whose header stands before them."""
    tomllib.loads(TEXT)
    assert lines_of(TEXT) == {
        "grace": 2,
        "limits.openai": 5,
        "limits.my pool": 6,
        "limits.model.base_url": 7,
        "tool.stretto.store": 10,
    }


def test_a_key_that_seems_to_stand_twice_has_no_line() -> None:
    """One of the two is inside a text: nobody guesses which."""
    text = 'note = """\ngrace = 1\n"""\ngrace = 2\nstore = "memory"'
    tomllib.loads(text)
    assert lines_of(text) == {"note": 1, "store": 5}


@pytest.mark.parametrize(("key", "line"), [("limits.openai", 1), ("limits", 1), ("grace", None), ("", None)])
def test_a_key_of_an_inline_table_stands_where_the_table_does(key: str, line: int | None) -> None:
    """The nearest table around a key that has a line; None without any."""
    assert line_of(key, lines_of("limits = { openai = 8 }")) == line
