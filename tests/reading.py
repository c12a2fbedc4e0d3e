"""Reading our own source: what a module imports, what it touches, what it iterates over.  By AST: nothing is run."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SETS = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
"""Names of types and makers whose values have no order of their own."""

ORDERLESS = frozenset({"any", "all", "sum", "len", "sorted", "set", "frozenset", "min", "max"})
"""What may go through a set: its answer does not depend on the order."""

ORDERING = frozenset({"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed", "join", "fromkeys"})
"""What makes a sequence of it: its answer does."""


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """One file of ours, by its dotted name."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Parsed."""
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything in it."""
        return tuple(ast.walk(self.tree))

    def imports(self, known: Mapping[str, "Module"]) -> set[str]:
        """Every module that it imports, as exactly as can be told: `from ivr.edge import voice` is `ivr.edge.voice`."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                inner = {f"{base}.{alias.name}" for alias in node.names}
                found |= inner & known.keys()
                if not inner <= known.keys():
                    found.add(base)
        return found

    def where(self, node: ast.AST) -> str:
        """For a message: `ivr/app.py:12`."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def modules(*packages: str) -> dict[str, Module]:
    """Every module of these packages, by name."""
    found = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = Module(name, path)
    return found


def within(name: str, rooms: frozenset[str]) -> bool:
    """Whether a module is one of `rooms`, or lies in one of them."""
    parts = name.split(".")
    return any(".".join(parts[: n + 1]) in rooms for n in range(len(parts)))


def called(node: ast.Call) -> str:
    """The last name of what is called: `create_task` of `group.create_task(…)`."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def owner(node: ast.Call) -> str:
    """The name before the dot, if it is a plain one: `group` of `group.create_task(…)`."""
    match node.func:
        case ast.Attribute(value=ast.Name(id=name)):
            return name
    return ""


def task_groups(tree: ast.AST) -> set[str]:
    """Names that are bound to a TaskGroup somewhere in the file, by `async with` or as an argument."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.withitem(context_expr=ast.Call() as made, optional_vars=ast.Name(id=name)):
                names |= {name} if called(made) == "TaskGroup" else set()
            case ast.arg(arg=name, annotation=ast.expr() as kind):
                names |= {name} if "TaskGroup" in ast.unparse(kind) else set()
    return names


def _says_set(annotation: ast.expr) -> bool:
    """Whether an annotation is that of a set: `set[X]`, `frozenset[X] | None`."""
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in SETS
        case ast.Subscript(value=value):
            return _says_set(value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _says_set(left) or _says_set(right)
        case ast.Constant(value=str(text)):
            return _says_set(ast.parse(text, mode="eval").body)
    return False


class Sets:
    """What in a package is a set, as far as names and annotations tell: names by function, attributes and functions."""

    def __init__(self, package: Mapping[str, Module]) -> None:
        self.attributes: set[str] = set()
        self.functions: set[str] = set()
        for module in package.values():
            for node in ast.walk(module.tree):
                self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        match node:
            case ast.ClassDef(body=body):
                for line in body:
                    match line:
                        case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if _says_set(kind):
                            self.attributes.add(name)
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=kind) if _says_set(kind):
                self.attributes.add(name)
            case ast.FunctionDef(name=name, returns=ast.expr() as kind) if _says_set(kind):
                self.functions.add(name)

    def iterations(self, module: Module) -> Iterator[ast.AST]:
        """Every place in a function of a module where the order of a set would be seen."""
        outer = self._names(module.tree.body)
        for scope in ast.walk(module.tree):
            if isinstance(scope, FUNCTION):
                names = outer | self._names([scope])
                harmless = {id(part) for node in ast.walk(scope) for part in _orderless(node)}
                for node in ast.walk(scope):
                    if id(node) not in harmless and any(self.is_set(each, names) for each in _ordered(node)):
                        yield node

    def _names(self, body: list[ast.stmt]) -> set[str]:
        """Names that are bound to a set in these statements; a name of the module is not looked for in functions."""
        names: set[str] = set()
        for statement in body:
            inner = ast.walk(statement) if isinstance(statement, FUNCTION) else [statement]
            for node in inner:
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value) if self.is_set(value, names):
                        names.add(name)
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if _says_set(kind):
                        names.add(name)
                    case ast.arg(arg=name, annotation=ast.expr() as kind) if _says_set(kind):
                        names.add(name)
        return names

    def is_set(self, node: ast.expr, names: set[str]) -> bool:  # noqa: PLR0911 - a case for each kind of value
        """Whether the value is a set."""
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name(id=name):
                return name in names
            case ast.Attribute(attr=name):
                return name in self.attributes
            case ast.Call(func=ast.Name(id=name)):
                return name in SETS or name in self.functions
            case ast.Call(func=ast.Attribute(value=value, attr=name)):
                made = {"union", "difference", "intersection", "symmetric_difference", "copy"}
                return name in self.functions or (name in made and self.is_set(value, names))
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
                return any(self.is_set(side, names) or _keys(side) for side in (left, right))
            case ast.IfExp(body=body, orelse=other):
                return self.is_set(body, names) or self.is_set(other, names)
        return False


def _keys(node: ast.expr) -> bool:
    """Whether it is `something.keys()`: in order by itself, without order once it is combined with another."""
    return isinstance(node, ast.Call) and called(node) == "keys"


def _orderless(node: ast.AST) -> Iterator[ast.AST]:
    """Comprehensions whose order nobody sees: made into a set, or given to `sorted`, `any` and their like."""
    if isinstance(node, ast.SetComp):
        yield node
    elif isinstance(node, ast.Call) and called(node) in ORDERLESS and not node.keywords:
        yield from (argument for argument in node.args if isinstance(argument, ast.GeneratorExp | ast.ListComp))


def _ordered(node: ast.AST) -> Iterator[ast.expr]:
    """What this goes through in order."""
    match node:
        case ast.For(iter=each) | ast.AsyncFor(iter=each):
            yield each
        case ast.ListComp(generators=parts) | ast.GeneratorExp(generators=parts) | ast.DictComp(generators=parts):
            yield from (part.iter for part in parts)
        case ast.Call(args=arguments) if called(node) in ORDERING or (called(node) in {"min", "max"} and node.keywords):
            yield from arguments
        case ast.Call(func=ast.Attribute(value=value, attr="pop"), args=[]):
            yield value
        case ast.Starred(value=value):
            yield value
        case ast.YieldFrom(value=value):
            yield value
