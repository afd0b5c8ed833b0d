"""What the tests of the specification read: its fenced blocks and headings, the page about it, and what a piece of code does."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "specification.md"


@attrs.frozen
class Block:
    """A fenced block: its language, the heading above it, and what is in it."""

    language: str
    under: str
    text: str

    @property
    def first_line(self) -> str:
        return next(line.strip() for line in self.text.splitlines() if line.strip())

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines() if line.strip()]


def plain(markdown: str) -> str:
    """A line without its signs of emphasis and code."""
    return re.sub(r"[*`]", "", markdown).strip()


def read(text: str) -> tuple[list[str], list[Block]]:
    """Headings of a page, and its fenced blocks, both in order; a fence that is never closed is an error."""
    headings: list[str] = []
    blocks: list[Block] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("```"):
            inside = list(takewhile(lambda one: not one.startswith("```"), lines))
            blocks.append(Block(line[3:].strip(), headings[-1], "\n".join(inside)))
        elif heading := re.match(r"#+ (.+)", line):
            headings.append(plain(heading[1]))
    assert text.count("\n```") == 2 * len(blocks)
    return headings, blocks


@attrs.frozen
class Row:
    """A row of the page's table: the block's number, heading and first line, what happens here, and its test."""

    number: int
    under: str
    begins: str
    happens: str
    test: str


def rows() -> list[Row]:
    found = re.findall(r"^\| (\d+) \| (.+?) \| `(.+?)` \| (.+?) \| `(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.M)
    return [Row(int(number), *cells) for number, *cells in found]


# --- code ---------------------------------------------------------------------------------------------------------------


def statements(code: str) -> set[str]:
    """What a piece of code does, one text for each statement, whatever its layout and comments.

    Of a statement that contains others, such as a class or a loop, only its own part counts. Annotations and docstrings do
    not. What is imported from the specification's packages counts as imported from simexec, name by name.
    """
    tree = compile(textwrap.dedent(code), "block", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return {text for node in ast.walk(tree) if isinstance(node, ast.stmt) for text in _own_part(node)}


def expressions(code: str) -> set[str]:
    """All expressions of a piece of code, parts of others included."""
    tree = ast.parse(textwrap.dedent(code))
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.expr)}


def _own_part(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ImportFrom():
            module = re.sub(r"^src\.(execution|risk)$", "simexec", node.module or "")
            module = re.sub(r"^src\.", "simexec.", module)
            yield from (f"from {module} import {alias.name}" for alias in node.names)
        case ast.ClassDef():
            yield f"class {node.name}({', '.join(map(ast.unparse, node.bases))})"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            names = [one.arg for one in node.args.args]
            word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            yield f"{word} {node.name}({', '.join(names)}) {list(map(ast.unparse, node.args.defaults))}"
        case ast.If() | ast.While():
            yield f"{type(node).__name__} {ast.unparse(node.test)}"
        case ast.AsyncWith():
            yield f"async with {', '.join(map(ast.unparse, node.items))}"
        case ast.Expr(value=ast.Constant(value=str())):
            pass
        case _:
            yield ast.unparse(node)
