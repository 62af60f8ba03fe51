"""Sources before and after a change, and one whose versions are known.

`EQUAL` and `DIFFERENT` hold pairs of modules by what was changed. The versions in `GOLDEN` are those of
`SAMPLE`, told by `PROBE`: another Python, or a change of the algorithm, must not tell others.
"""

from __future__ import annotations

EQUAL = {
    "comments and blank lines": (
        "def f(x):\n    return x + 1",
        "# why\n\ndef f(x):\n\n    # because\n    return x + 1  # one",
    ),
    "line breaks, parentheses and quotes": (
        "def f(x):\n    return (x, 'a' 'b')",
        'def f(\n    x,\n):\n    return x, (\n        "ab"\n    )',
    ),
    "docstrings": (
        "def f(x):\n    def g():\n        return 1\n    class C:\n        pass\n    return g(), C",
        (
            'def f(x):\n    "Doc."\n    def g():\n        "Doc."\n        return 1\n    class C:\n        "Doc."\n'
            "    return g(), C"
        ),
    ),
    "annotations of functions and variables": (
        "def f(x, *, y=1):\n    z = x\n    return z + y",
        "def f(x: int, *, y: int = 1) -> int:\n    other: int\n    z: int = x\n    return z + y",
    ),
    "annotations of constants and helpers": (
        "A = 1\ndef h(x):\n    return x\ndef f():\n    return h(A)",
        "A: int = 1\ndef h(x: int) -> int:\n    return x\ndef f():\n    return h(A)",
    ),
    "the step's own rules": (
        "from stretto import step\n@step\ndef f():\n    return 1",
        "from stretto import step\n@step(\n    timeout=3, retry=2,\n)\ndef f():\n    return 1",
    ),
    "the step's own name": (
        "def f():\n    return 1",
        "def g():\n    return 1\nf = g",
    ),
    "a constant nobody names": ("A = 1\ndef f():\n    return 1", "A = 2\ndef f():\n    return 1"),
    "another function": (
        "def g():\n    return 1\ndef f():\n    return 1",
        "def f():\n    return 1\ndef g():\n    return 2",
    ),
    "a constant hidden by a parameter": (
        "A = 1\ndef f(A):\n    return A",
        "A = 2\ndef f(A):\n    return A",
    ),
    "a constant hidden by a local name": (
        "A = 1\ndef f(xs):\n    for A in xs:\n        print(A)",
        "A = 2\ndef f(xs):\n    for A in xs:\n        print(A)",
    ),
    "a constant hidden by a comprehension": (
        "A = 1\ndef f(xs):\n    return {A: 1 for A in xs}",
        "A = 2\ndef f(xs):\n    return {A: 1 for A in xs}",
    ),
    "a constant hidden by a match": (
        "A = 1\ndef f(x):\n    match x:\n        case {'a': 1, **A}:\n            return A",
        "A = 2\ndef f(x):\n    match x:\n        case {'a': 1, **A}:\n            return A",
    ),
    "the steps that a workflow names": (
        "from stretto import step, workflow\n@step\ndef g():\n    return 1\n@workflow\ndef f():\n    return g()",
        "from stretto import step, workflow\n@step\ndef g():\n    return 2\n@workflow\ndef f():\n    return g()",
    ),
    "the workflows that a workflow names": (
        "from stretto import workflow\n@workflow\ndef g(x):\n    return x\n@workflow\ndef f():\n    return g(1)",
        "from stretto import workflow\n@workflow\ndef g(x):\n    return [x]\n@workflow\ndef f():\n    return g(1)",
    ),
    "the rules of a step whose function is called": (
        "from stretto import step\n@step\ndef g():\n    return 1\ndef f():\n    return g.fn()",
        "from stretto import step\n@step(timeout=3)\ndef g():\n    return 1\ndef f():\n    return g.fn()",
    ),
    "what stands around a function that closes over nothing": (
        "def make(n):\n    print(n)\n    def f():\n        return 1\n    return f\nf = make(1)",
        "def make():\n    def f():\n        return 1\n    return f\nf = make()",
    ),
    "numbers written in another way": (
        "def f():\n    return 255, 1000.0",
        "def f():\n    return 0xFF, 1e3",
    ),
}

_DECO = "def deco(n):\n    def d(g):\n        def h(x): return g(x) + n\n        return h\n    return d\n"
_CLASS = "class M:\n    def total(self): return %d\ndef f(m: %s): return m.total()"
_TABLE = "T = {}\nT.update(a=%d)\ndef f(x): return T[x]"
_REGISTER = (
    "from functools import singledispatch\n@singledispatch\ndef g(x): return 0\n"
    "@g.register\ndef _(x: int): return %d\ndef f(x): return g(x)"
)
_BOUND = "class A:\n    def __init__(self, n): self.n = n\n    def f(self, x): return x * self.n\nf = A(%d).f"

DIFFERENT = {
    "what another's decorator is given": (
        f"{_DECO}@deco(1)\ndef f(x): return x",
        f"{_DECO}@deco(2)\ndef f(x): return x",
    ),
    "a decorator behind a name": (
        f"{_DECO}dd = deco(1)\n@dd\ndef f(x): return x",
        f"{_DECO}dd = deco(2)\n@dd\ndef f(x): return x",
    ),
    "what a factory was given": (
        "def make(n):\n    def f(x): return x * n\n    return f\nf = make(3)",
        "def make(n):\n    def f(x): return x * n\n    return f\nf = make(4)",
    ),
    "a method of a class in a hint": (_CLASS % (1, "M"), _CLASS % (2, "M")),
    "a method of a class in a hint that is a text": (_CLASS % (1, "'list[M]'"), _CLASS % (2, "'list[M]'")),
    "what a table is filled with": (_TABLE % 1, _TABLE % 2),
    "what is registered": (_REGISTER % 1, _REGISTER % 2),
    "what an object was made with": (_BOUND % 1, _BOUND % 2),
    "the body": ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2"),
    "the order of statements": (
        "def f(x):\n    x += 1\n    x *= 2\n    return x",
        "def f(x):\n    x *= 2\n    x += 1\n    return x",
    ),
    "async": ("def f():\n    return 1", "async def f():\n    return 1"),
    "kinds of constants": ("def f():\n    return 1", "def f():\n    return True"),
    "kinds of numbers": ("def f():\n    return 1", "def f():\n    return 1.0"),
    "text and bytes": ("def f():\n    return 'a'", "def f():\n    return b'a'"),
    "None and nothing": ("def f(x=None):\n    return x", "def f(x):\n    return x"),
    "a default": ("def f(x=1):\n    return x", "def f(x=2):\n    return x"),
    "a keyword's default": ("def f(*, x=1):\n    return x", "def f(*, x=2):\n    return x"),
    "a default's constant": ("A = 1\ndef f(A=A):\n    return A", "A = 2\ndef f(A=A):\n    return A"),
    "the order of parameters": ("def f(x, y):\n    return x", "def f(y, x):\n    return x"),
    "keyword-only parameters": ("def f(x, y):\n    return x", "def f(x, *, y):\n    return x"),
    "a helper": (
        "def h():\n    return 1\ndef f():\n    return h()",
        "def h():\n    return 2\ndef f():\n    return h()",
    ),
    "a helper's helper": (
        "def g():\n    return 1\ndef h():\n    return g()\ndef f():\n    return h()",
        "def g():\n    return 2\ndef h():\n    return g()\ndef f():\n    return h()",
    ),
    "a helper's decorator": (
        "import functools\ndef h():\n    return 1\ndef f():\n    return h()",
        "import functools\n@functools.cache\ndef h():\n    return 1\ndef f():\n    return h()",
    ),
    "the function of a step": (
        "from stretto import step\n@step\ndef g():\n    return 1\ndef f():\n    return g.fn()",
        "from stretto import step\n@step\ndef g():\n    return 2\ndef f():\n    return g.fn()",
    ),
    "a helper of a workflow's body": (
        (
            "from stretto import step, workflow\n@step\ndef g(x):\n    return 1\ndef h():\n    return 1\n"
            "@workflow\ndef f():\n    return g(h())"
        ),
        (
            "from stretto import step, workflow\n@step\ndef g(x):\n    return 1\ndef h():\n    return 2\n"
            "@workflow\ndef f():\n    return g(h())"
        ),
    ),
    "a constant": ("A = 'x'\ndef f():\n    return A", "A = 'y'\ndef f():\n    return A"),
    "a constant's constant": (
        "B = 1\nA = [B]\ndef f():\n    return A",
        "B = 2\nA = [B]\ndef f():\n    return A",
    ),
    "a second assignment": ("A = 1\ndef f():\n    return A", "A = 1\nA = A + 1\ndef f():\n    return A"),
    "an assignment in place": ("A = 1\ndef f():\n    return A", "A = 1\nA += 1\ndef f():\n    return A"),
    "an item of a constant": (
        "A = {}\nA['x'] = 1\ndef f():\n    return A",
        "A = {}\nA['x'] = 2\ndef f():\n    return A",
    ),
    "which of two names is bound": (
        "A, B = 1, 2\ndef f():\n    return A",
        "B, A = 1, 2\ndef f():\n    return A",
    ),
    "a constant in a branch": (
        "try:\n    A = 1\nexcept ImportError:\n    A = 2\ndef f():\n    return A",
        "try:\n    A = 1\nexcept ImportError:\n    A = 3\ndef f():\n    return A",
    ),
    "a constant of a with or a for": (
        "import io\nwith io.StringIO('a') as A:\n    pass\nfor B in (1,):\n    pass\ndef f():\n    return A, B",
        "import io\nwith io.StringIO('a') as A:\n    pass\nfor B in (2,):\n    pass\ndef f():\n    return A, B",
    ),
    "a constant named in a comprehension's first source": (
        "A = [1]\ndef f():\n    return [A for A in A]",
        "A = [2]\ndef f():\n    return [A for A in A]",
    ),
    "a constant beside a comprehension's name": (
        "A = 1\ndef f(xs):\n    return [A for A in xs], A",
        "A = 2\ndef f(xs):\n    return [A for A in xs], A",
    ),
    "a global's first value": (
        "A = 1\ndef f():\n    global A\n    A += 1\n    return A",
        "A = 2\ndef f():\n    global A\n    A += 1\n    return A",
    ),
    "a class's method": (
        "class C:\n    def m(self):\n        return 1\ndef f():\n    return C().m()",
        "class C:\n    def m(self):\n        return 2\ndef f():\n    return C().m()",
    ),
    "a class's field": (
        "class C:\n    x: int = 1\ndef f():\n    return C()",
        "class C:\n    x: float = 1\ndef f():\n    return C()",
    ),
    "a class's base": (
        "class B:\n    x = 1\nclass C(B):\n    pass\ndef f():\n    return C().x",
        "class B:\n    x = 2\nclass C(B):\n    pass\ndef f():\n    return C().x",
    ),
    "what a method's self has": (
        "class C:\n    x = 1\n    def m(self):\n        return self.x\nf = C().m",
        "class C:\n    x = 2\n    def m(self):\n        return self.x\nf = C().m",
    ),
    "what a closure holds": (
        "def make():\n    n = 1\n    def f():\n        return n\n    return f\nf = make()",
        "def make():\n    n = 2\n    def f():\n        return n\n    return f\nf = make()",
    ),
    "what a closure's maker names": (
        "A = 1\ndef make():\n    n = A\n    def f():\n        return n\n    return f\nf = make()",
        "A = 2\ndef make():\n    n = A\n    def f():\n        return n\n    return f\nf = make()",
    ),
    "a function that a decorator keeps": (
        "def twice(fn):\n    def again():\n        return fn(), fn()\n    return again\n@twice\ndef f():\n    return 1",
        "def twice(fn):\n    def again():\n        return fn(), fn()\n    return again\n@twice\ndef f():\n    return 2",
    ),
    "a decorator that runs around the step": (
        (
            "import functools\ndef plus(fn):\n    @functools.wraps(fn)\n    def more():\n        return fn() + 1\n"
            "    return more\n@plus\ndef f():\n    return 1"
        ),
        (
            "import functools\ndef plus(fn):\n    @functools.wraps(fn)\n    def more():\n        return fn() + 2\n"
            "    return more\n@plus\ndef f():\n    return 1"
        ),
    ),
    "a decorator of another module": (
        "import functools\ndef f():\n    return 1",
        "import functools\n@functools.cache\ndef f():\n    return 1",
    ),
    "where a name comes from": (
        "from os.path import join\ndef f():\n    return join",
        "from shlex import join\ndef f():\n    return join",
    ),
    "what a module is called by": (
        "import json as m\ndef f():\n    return m",
        "import shlex as m\ndef f():\n    return m",
    ),
    "where everything comes from": (
        "from shlex import *\ndef f():\n    return join",
        "from posixpath import *\ndef f():\n    return join",
    ),
    "the text of an f-string": (
        "def f(x):\n    return f'a {x}'",
        "def f(x):\n    return f'b {x}'",
    ),
    "an f-string's place": (
        "def f(x):\n    return f'a{x}b'",
        "def f(x):\n    return f'ab{x}'",
    ),
    "an f-string's format": (
        "def f(x):\n    return f'{x:.2f}'",
        "def f(x):\n    return f'{x:.3f}'",
    ),
    "a walrus": (
        "def f(xs):\n    return (n := len(xs)), n",
        "def f(xs):\n    return (n := max(xs)), n",
    ),
    "a match": (
        "def f(x):\n    match x:\n        case None:\n            return 1",
        "def f(x):\n    match x:\n        case True:\n            return 1",
    ),
    "except and except*": (
        "def f():\n    try:\n        return_ = 1\n    except ValueError:\n        pass",
        "def f():\n    try:\n        return_ = 1\n    except* ValueError:\n        pass",
    ),
    "async for": (
        "async def f(xs):\n    return [x async for x in xs]",
        "async def f(xs):\n    return [x for x in xs]",
    ),
}

SAMPLE = '''"""One of everything."""
import functools
from os.path import *
from . import json as j

TABLE: dict = {"a": 1, **{"b": 0xFFFFFFFFFFFFFFFFFF}, "\\U0001fae8": "\U0001fae8", "\\u0378": b"\\xff", "n": 1e-7}
FIRST, *REST = [1, 2.5, -3j]
if REST:
    MODE = "many"
else:
    MODE = None

class Base(Exception):
    """Doc."""
    kind: str = "base"
    def told(self, *, loud=False):
        return f"{self!r:>{len(self.kind)}}" if loud else u"quiet"

@functools.lru_cache(maxsize=None)
def helper(x, /, y=FIRST, *rest, z=(), **named):
    def inner(*, deep=...):
        nonlocal x
        x = lambda q=1: q @ deep
        return x
    return other(inner) if x is not None else [*rest, *z, named]

def other(x):
    return helper(x)

async def f(a: int, b: "str" = "b", *, c=None) -> list[str]:
    """Doc."""
    global COUNT
    total: int = 0
    texts = [f"{a}", f"x{a!r}y{b:>{total}.{c}}z", f"{a=}", f"{a = !s:5}" "tail", f"{{{a}}}" f"", rf"\\d{a:}"]
    texts += [f"""{
        a + 1
    }""", f"{MODE}" + f"plain", "a" f"{texts['k' ]}" "b"]
    match texts:
        case [str(), *others] | {"k": [*others]} if others:
            return others
        case {"a": None, **rest}:
            return rest
        case Base(kind="x" as kind) | (1 | -2.5 as kind):
            return kind
        case _:
            pass
    try:
        async with TABLE as t, REST:
            async for k, (v, *w) in t:
                del t[k], w[1:2, ::3]
            else:
                yield_ = await other(v)
    except* (Base, ValueError) as error:
        raise Base from error
    finally:
        assert a if b else c, "told"
    while (n := len(texts)) > 1 < 3 != 4:
        if n not in texts and not (a or b):
            continue
        break
    with join(a) as (p, q):
        return {x: y async for x, y in p if x if y}, {n for n in q}, (i for i in range(n))
'''

GOLDEN = {
    "f": "hc46bdd57710b19d58d8ecf5adaa587e0",
    "helper": "h02066d53668d82985ccfd518ffeba7de",
    "Base.told": "ha86047db72b0df754ef99e295878f595",
}

PROBE = """
import ast, sys
from types import FunctionType
from stretto.authoring.version import version_of
known = {"__name__": "sample", "__file__": sys.argv[1]}
for top in compile(open(sys.argv[1], "rb").read(), sys.argv[1], "exec").co_consts:
    for code in [top, *getattr(top, "co_consts", ())]:
        if hasattr(code, "co_qualname") and code.co_qualname in ("f", "helper", "Base.told"):
            print(code.co_qualname, version_of(FunctionType(code, known), None))
"""
