"""The reference of every public name, read from the source with griffe: nothing of RobustNAS is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import griffe

from scripts.site_pages.docstrings import docstring_lines

PACKAGES = ("robustnas", "searchers", "surrogates", "experiments")
ALSO_PUBLIC = (
    "robustnas.errors",
    "robustnas.evaluator.attacks.attacker",
    "robustnas.evaluator.measures",
    "robustnas.evaluator.network",
    "robustnas.metric",
    "robustnas.spaces.testing",
    "searchers.base",
    "searchers.testing",
    "surrogates.expected",
    "surrogates.metrics",
)
"""Modules without ``__all__`` that the documentation names: what they define, and does not begin with an underscore."""

_WIDTH = 100


@dataclass
class Module:
    """A module that has public names.

    Attributes:
        path: Its dotted path.
        docstring: What it says of itself.
        objects: What its public names stand for.
    """

    path: str
    docstring: griffe.Docstring | None
    objects: dict[str, griffe.Object] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """The name of its page."""
        return _page(self.path)

    def anchor(self, name: str) -> str:
        """Return the page and the place on it where one of its names is described; of a module, where its names are."""
        found = self.objects[name]
        if found.is_module:
            return f"python-{_page(found.canonical_path)}.md#{found.canonical_path}"
        return f"python-{self.page}.md#{self.path}.{name}"


def _page(path: str) -> str:
    """Return the name of a module's page: one for each top-level package and each folder of robustnas."""
    parts = path.split(".")
    return ".".join(parts[:2] if parts[0] == "robustnas" else parts[:1])


def public_modules(root: Path) -> list[Module]:
    """Return the modules that declare public names, in the order of their paths.

    Args:
        root: The folder of the packages.
    """
    loader = griffe.GriffeLoader(search_paths=[root], allow_inspection=False)
    for package in PACKAGES:
        loader.load(package)
    loader.resolve_aliases(implicit=False, external=False)
    found = []
    for package in PACKAGES:
        for module in _modules(loader.modules_collection[package]):
            names = sorted(map(str, module.exports)) if module.exports else []
            if module.path in ALSO_PUBLIC:
                names = [name for name, member in module.members.items() if _is_own(name, member)]
            if names:
                collection = loader.modules_collection  # a function may have the name of the module that defines it
                objects = {
                    name: _target(collection[module.imports.get(name, f"{module.path}.{name}")]) for name in names
                }
                found.append(Module(module.path, module.docstring, objects))
    order = {package: index for index, package in enumerate(PACKAGES)}
    return sorted(found, key=lambda module: (order[module.path.partition(".")[0]], module.path))


def _modules(module: griffe.Module) -> Iterator[griffe.Module]:
    yield module
    for name, member in module.members.items():
        if not member.is_alias and member.is_module and not name.startswith("_"):
            assert isinstance(member, griffe.Module)
            yield from _modules(member)


def _is_own(name: str, member: griffe.Object | griffe.Alias) -> bool:
    return not (name.startswith("_") or member.is_alias or member.is_module) and member.docstring is not None


def _target(found: griffe.Object | griffe.Alias) -> griffe.Object:
    return found.final_target if isinstance(found, griffe.Alias) else found


def reference_pages(root: Path) -> dict[str, str]:
    """Return the pages of the reference by name, such as ``searchers``, as Markdown."""
    modules = public_modules(root)
    addresses = _addresses(modules)
    described: set[str] = set()
    pages: dict[str, list[str]] = {}
    for module in modules:
        page = pages.setdefault(module.page, [f"# {module.page}", ""])
        if module.path != module.page:
            page += [f"## {module.path} {{ #{module.path} }}", ""]
        page += docstring_lines(module.docstring, addresses.get)
        for name, found in module.objects.items():
            first = found.canonical_path not in described
            described.add(found.canonical_path)
            entry = _entry if first and not found.is_module else _pointer
            page += entry(module, name, found, addresses)
    return {name: "\n".join(lines) for name, lines in pages.items()}


def _addresses(modules: list[Module]) -> dict[str, str]:
    """Return where public names are described: by every path that leads there, and by name where only one has it."""
    found: dict[str, str] = {}
    named: dict[str, set[str]] = {}
    for module in modules:
        for name, target in module.objects.items():
            address = found.setdefault(target.canonical_path, module.anchor(name))
            found[f"{module.path}.{name}"] = address
            named.setdefault(name, set()).add(address)
    return {**{name: min(where) for name, where in named.items() if len(where) == 1}, **found}


def _pointer(module: Module, name: str, found: griffe.Object, addresses: dict[str, str]) -> list[str]:
    """Return the lines on a name that is described elsewhere."""
    where, anchor = addresses[found.canonical_path], f"{module.path}.{name}"
    path = where.partition("#")[2]
    lines = [f"### {name} {{ #{anchor} }}", ""] if path != anchor else []
    return [*lines, f"[`{path}`]({where})", ""]


def _entry(module: Module, name: str, found: griffe.Object, addresses: dict[str, str]) -> Iterator[str]:
    """Yield the lines on one public name: how it is called, what it says of itself, and what it has."""
    anchor = f"{module.path}.{name}"
    yield from (f"### {name} {{ #{anchor} }}", "")
    yield from ("```python", *_declaration(name, found), "```", "")
    if isinstance(found, griffe.Class) and (bases := [str(base) for base in found.bases if str(base) != "ABC"]):
        yield from (f"A kind of {', '.join(_linked_name(base, addresses) for base in bases)}.", "")
    yield from docstring_lines(found.docstring, addresses.get)
    for member_name, member in found.members.items():
        if _is_shown(member_name, member):
            target = _target(member)
            label = f"{anchor}.{member_name}"
            yield from (f"#### {member_name} {{ #{label} data-toc-label='{name}.{member_name}' }}", "")
            yield from ("```python", *_declaration(member_name, target), "```", "")
            yield from docstring_lines(target.docstring, addresses.get)


def _linked_name(base: str, addresses: dict[str, str]) -> str:
    address = addresses.get(base.partition("[")[0])
    return f"[`{base}`]({address})" if address else f"`{base}`"


def _is_shown(name: str, member: griffe.Object | griffe.Alias) -> bool:
    return not (name.startswith("_") or member.is_alias) and member.docstring is not None


def _declaration(name: str, found: griffe.Object) -> list[str]:
    """Return how something is written in Python, without its body."""
    decorators = [f"@{kind}" for kind in ("abstractmethod", "classmethod", "staticmethod") if kind in found.labels]
    if isinstance(found, griffe.Attribute):
        if "property" in found.labels:
            return [*decorators, "@property", f"def {name}(self) -> {found.annotation}"]
        kind = f": {found.annotation}" if found.annotation is not None else ""
        value = f" = {found.value}" if found.value is not None and len(str(found.value)) <= _WIDTH else ""
        return [f"{name}{kind}{value}"]
    if isinstance(found, griffe.Class):
        parameters = [parameter for parameter in found.parameters if parameter.name != "self"]
        return _call(f"class {name}", parameters, "") if parameters else [f"class {name}"]
    if isinstance(found, griffe.Function):
        returns = f" -> {found.returns}" if found.returns is not None else ""
        return [*decorators, *_call(f"def {name}", list(found.parameters), returns)]
    return [f"import {found.canonical_path}"]


def _call(lead: str, parameters: list[griffe.Parameter], returns: str) -> list[str]:
    """Return a signature in one line, or in one for each parameter."""
    written = _written(parameters)
    line = f"{lead}({', '.join(written)}){returns}"
    return [line] if len(line) <= _WIDTH else [f"{lead}(", *(f"    {text}," for text in written), f"){returns}"]


def _written(parameters: list[griffe.Parameter]) -> list[str]:
    texts: list[str] = []
    starred = False
    for parameter in parameters:
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not starred:
            texts.append("*")
            starred = True
        stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}.get(kind, "")
        starred |= stars == "*"
        annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
        default = "" if stars or parameter.default is None else f"{' = ' if annotation else '='}{parameter.default}"
        texts.append(f"{stars}{parameter.name}{annotation}{default}")
    return texts
