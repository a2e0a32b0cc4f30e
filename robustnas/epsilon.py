"""Eps, the strength of an attack: in units of 1/255 and in the L-inf norm; and what is written for it elsewhere.

Other code takes eps as a share of the range of a pixel, where 0.031 is 8/255, or in the L2 norm. The first is suspected
of very small numbers, the second refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Container

from robustnas.errors import ObjectiveError, excerpt

_LARGEST = 255
_SMALLEST_USUAL = 0.1  # the smallest eps of the database
_USUAL_SHARE = 0.3  # of MNIST
_ROUNDED = 0.07  # the part by which a share that was rounded may differ from a whole number of 255ths

_OVER_255 = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*/\s*255(?:\.0*)?")
_IN_TEXT = re.compile(rf"(?<![\w:])(?P<name>(?!corruption)[A-Za-z_]\w*\s*@)\s*{_OVER_255.pattern}(?![\w.])")
_NORM = r"l[-_]?(?P<order>[012p]|inf)"
_OF_NORM = re.compile(
    rf"(?<![\w.(])(?:(?P<attack>[a-z]+?)[-_:@]?)?{_NORM}(?:(?P<at>[-_:]?[a-z]*@)|(?![\w.]))", re.IGNORECASE
)
_WITH_NORM = re.compile(rf"(?:.*[-_:@\s])?{_NORM}\b.*", re.IGNORECASE | re.DOTALL)


def epsilon(text: str, where: str) -> float:
    """Read an eps in units of 1/255, such as ``0.5`` or ``8/255``, which is 8; a positive number up to 255.

    Raises:
        ObjectiveError: It is none; names it and what was expected.
    """
    if norm := _WITH_NORM.fullmatch(text):
        raise ObjectiveError(_norm_message(where, norm["order"]))
    over = _OVER_255.fullmatch(text.strip())
    try:
        value = float(over[1] if over else text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _LARGEST:
        expected = "expected a number above 0 and up to 255, in units of 1/255, as in pgd@1 or pgd@8/255"
        raise ObjectiveError(f"eps {excerpt(text)} in {excerpt(where)}: {expected}")
    return value


def in_255ths(text: str) -> str:
    """Return a text with every eps in units of 1/255, so that one objective has one text.

    >>> in_255ths("0.5*clean + 0.5*pgd@8/255 where fgsm@0.5 / 255 > 0.2")
    '0.5*clean + 0.5*pgd@8 where fgsm@0.5 > 0.2'
    """
    return _IN_TEXT.sub(lambda match: match["name"] + _plain(match[2], match[0]), text)


def scale_advice(attack: str, eps: float) -> str:
    """Return a question that offers an eps on the scale that was probably meant; empty where nothing suggests one.

    >>> scale_advice("pgd", 0.03), scale_advice("pgd", 0.5)
    ('did you mean pgd@8 (= 8/255 = 0.0314)?', '')
    """
    if not (eps < _SMALLEST_USUAL or eps == _USUAL_SHARE):
        return ""
    exact = eps * _LARGEST
    whole = round(exact)
    meant = float(whole) if eps < _SMALLEST_USUAL and abs(exact - whole) <= _ROUNDED * exact else exact
    return f"did you mean {attack}@{meant:g} (= {meant:g}/255 = {meant / _LARGEST:.3g})?"


def check_norm(text: str, attacks: Container[str]) -> None:
    """Check that a text asks for no attack in a norm of its own, such as ``pgd-l2@1``.

    Args:
        text: An objective, or the name of a metric.
        attacks: The names of attacks, and of what is over them.

    Raises:
        ObjectiveError: It does: there is L-inf only.
    """
    for match in _OF_NORM.finditer(text):
        if match["at"] or (match["attack"] or "").lower() in attacks:
            raise ObjectiveError(_norm_message(text, match["order"]))


def norm_advice(name: str) -> str:
    """Return what to say of a metric that no table holds, and that is called like a norm; empty of others."""
    match = re.fullmatch(_NORM, name, re.IGNORECASE)
    return _norm_message(name, match["order"]) if match else ""


def _norm_message(text: str, order: str) -> str:
    norm = f"L{order.lower()}" if order.isdigit() or order.lower() == "p" else "L-inf"
    only = "the attacks of the database and of the evaluator are L-inf ones"
    if norm == "L-inf":
        return f"{excerpt(text)}: {only}, so that the norm is left out; write pgd@8 for eps 8/255"
    return f"{excerpt(text)}: {only}, and {norm} does not exist here; expected such as pgd@8, eps 8/255 in L-inf"


def _plain(number: str, where: str) -> str:
    value = epsilon(number, where)
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
