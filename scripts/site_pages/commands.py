"""The reference of the command line, read from the source: commands, their help, and their options.

Options are made by functions that commands share. What these return is followed through the source, with the arguments
they are given; where a text is computed, its place is left open.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.site_pages.docstrings import text_lines

_MAKERS = {"option", "argument", "names_option"}
_FOLDER = "experiments.commands"

Bindings = Mapping[str, ast.expr]
"""Arguments of the function that is followed, by parameter."""


@dataclass(frozen=True)
class Option:
    """An option or an argument.

    Attributes:
        names: As they are typed, such as ``--json``.
        metavar: What stands for its value; empty for a flag.
        text: Its help.
        is_argument: Whether it is given by its place.
    """

    names: tuple[str, ...]
    metavar: str = ""
    text: str = ""
    is_argument: bool = False


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: As it is typed, such as ``data fetch``.
        help: Its docstring.
        options: In the order of its help.
    """

    name: str
    help: str
    options: tuple[Option, ...]


class Module:
    """The names of one module of commands: what is defined in it, or imported from another one."""

    def __init__(self, root: Path, path: str) -> None:
        self.root, self.path = root, path
        file = root / f"{path.replace('.', '/')}.py"
        self.names: dict[str, ast.AST] = {}
        self.imports: dict[str, str] = {}
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_FOLDER):
                self.imports |= {alias.asname or alias.name: node.module or "" for alias in node.names}
            elif isinstance(node, ast.FunctionDef):
                self.names[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.names[node.targets[0].id] = node.value

    def find(self, name: str) -> tuple[Module, ast.AST] | None:
        """Return what a name stands for, and the module that defines it."""
        if name in self.names:
            return self, self.names[name]
        return module_at(self.root, self.imports[name]).find(name) if name in self.imports else None

    def commands(self) -> Iterator[tuple[str, ast.FunctionDef, str | None]]:
        """Yield the commands that it defines: name, function, and the group of those that belong to one."""
        for node in self.names.values():
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                call = decorator if isinstance(decorator, ast.Call) else None
                function = call.func if call else decorator
                if isinstance(function, ast.Attribute) and function.attr in ("command", "group"):
                    named = [word.value for word in call.keywords if word.arg == "name"] if call else []
                    name = _text(named[0], {}) if named else node.name.replace("_", "-")
                    owner = function.value.id if isinstance(function.value, ast.Name) else "click"
                    yield name, node, None if owner == "click" else owner


@cache
def module_at(root: Path, path: str) -> Module:
    """Return a module of commands, which is read once."""
    return Module(root, path)


def read_commands(root: Path) -> list[Command]:
    """Return all commands in the order of their names."""
    found, groups = [], _groups(root)
    for file in sorted((root / _FOLDER.replace(".", "/")).glob("*.py")):
        module = module_at(root, f"{_FOLDER}.{file.stem}")
        for name, node, group in module.commands():
            options = tuple(option for item in node.decorator_list for option in _followed(item, module, {}))
            owner = groups.get(node.name, "") if group is None else group
            found.append(Command(f"{owner} {name}" if owner else name, ast.get_docstring(node) or "", options))
    return sorted(found, key=lambda command: command.name)


def _groups(root: Path) -> dict[str, str]:
    """Return the group that each command of another module is added to, by `add_command` at the top of a module."""
    found: dict[str, str] = {}
    for file in (root / _FOLDER.replace(".", "/")).glob("*.py"):
        for statement in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.For | ast.Expr):
                nodes = list(ast.walk(statement))
                adding = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "add_command"]
                named = {node.id for node in nodes if isinstance(node, ast.Name)}
                for attribute in adding:
                    group = _name(attribute.value)
                    found |= dict.fromkeys(named - {group}, group)
    return found


def _followed(node: ast.AST, module: Module, bound: Bindings) -> Iterator[Option]:
    """Yield the options that a decorator adds."""
    if isinstance(node, ast.Tuple):
        for item in node.elts:
            yield from _followed(item, module, bound)
    elif isinstance(node, ast.Call) and _name(node.func) in _MAKERS:
        yield _option(node, bound)
    elif isinstance(node, ast.Call | ast.Name):
        name = _name(node.func) if isinstance(node, ast.Call) else node.id
        if found := module.find(name):
            where, target = found
            if isinstance(target, ast.FunctionDef):
                arguments = _bound(target, node, bound) if isinstance(node, ast.Call) else {}
                yield from _of_function(target, where, arguments)
            else:
                yield from _followed(target, where, {})


def _of_function(function: ast.FunctionDef, module: Module, bound: Bindings) -> Iterator[Option]:
    """Yield the options that a function adds: by its result, by decorators within it, or going through a tuple."""
    for node in function.body:
        if isinstance(node, ast.Return) and node.value is not None:
            yield from _followed(node.value, module, bound)
        elif isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                yield from _followed(decorator, module, bound)
        elif isinstance(node, ast.For):
            for item in ast.walk(node.iter):
                found = module.find(item.id) if isinstance(item, ast.Name) else None
                if found and isinstance(found[1], ast.Tuple):
                    yield from _followed(found[1], found[0], {})


def _bound(function: ast.FunctionDef, call: ast.Call, outer: Bindings) -> Bindings:
    spec = function.args
    defaults = dict(
        zip([each.arg for each in spec.args[len(spec.args) - len(spec.defaults) :]], spec.defaults, strict=True)
    )
    defaults |= {each.arg: value for each, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value}
    given = dict(zip([each.arg for each in spec.args], call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    found = {**defaults, **given}
    return {name: outer.get(_name(value), value) for name, value in found.items()}


def _option(call: ast.Call, bound: Bindings) -> Option:
    words = {word.arg: word.value for word in call.keywords if word.arg}
    names = tuple(_text(item, bound) for item in call.args)
    text = " ".join(_text(words["help"], bound).split()) if "help" in words else ""
    shown = _text(words["show_default"], bound) if "show_default" in words else ""
    default = _text(words["default"], bound) if "default" in words and shown == "True" else ""
    default = shown if shown not in ("", "True", "False", "…") else default
    if _name(call.func) == "argument":
        return Option((_text(words["metavar"], bound) if "metavar" in words else names[0].upper(),), is_argument=True)
    metavar = _text(words["metavar"], bound) if "metavar" in words else names[0].lstrip("-").upper().replace("-", "_")
    flag = "is_flag" in words or "count" in words
    names = tuple(name for name in names if name.startswith("-"))
    return Option(
        names, "" if flag else metavar, f"{text} [default: {default}]" if default and default != "…" else text
    )


def _text(node: ast.AST, bound: Bindings) -> str:
    """Return a text as far as it stands in the source."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, bound) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, bound)
    if isinstance(node, ast.BinOp):
        return _text(node.left, bound) + _text(node.right, bound)
    if isinstance(node, ast.Name) and node.id in bound:
        return _text(bound[node.id], {})
    return "…"


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def commands_page(root: Path) -> str:
    """Return the page of all commands as Markdown."""
    lines = [
        "# Commands",
        "",
        "`robustnas COMMAND --help` prints what is said here, with the names that are registered where you are. Every",
        "command takes `-v`, which says more, and `-q`, which leaves out notes and progress.",
        "",
    ]
    for command in read_commands(root):
        lines += [f"## robustnas {command.name}", "", *help_lines(command.help)]
        if command.options:
            lines += ["| option | meaning |", "|---|---|", *map(_row, command.options), ""]
    return "\n".join(lines)


def help_lines(text: str) -> Iterator[str]:
    """Yield the lines of a command's help; examples, which click is told not to wrap, are code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b\n"):
            yield from text_lines(paragraph, {}.get)
            continue
        title, *rest = paragraph.splitlines()[1:]
        yield from (title, "", "```bash", *(line.strip() for line in rest), "```", "")


def _row(option: Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.names)
    text = " ".join("\n".join(text_lines(option.text, {}.get)).split()).replace("|", "\\|")
    value = f" `{option.metavar}`".replace("|", "\\|") if option.metavar else ""
    return f"| {names}{value} | {text} |"
