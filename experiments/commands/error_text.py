"""How an error is laid out: one sentence first, and what there is to know of it below."""

from __future__ import annotations

import re
import textwrap
from itertools import pairwise

LONGEST = 120
"""Characters of an error that stays on one line."""

_SHORTEST, _LONGEST_LINE, _LEAST_WIDTH = 20, 1500, 30
_QUOTED = re.compile(r"(?<!\w)'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|\([^()\n]*\)")
_SENTENCE_END = re.compile(r"(?<=[.?]) (?=[A-Z])")


def laid_out(message: str, width: int | None = None) -> str:
    r"""Return an error as it is printed: what is short as it is, of what is long one sentence and its details below.

    Args:
        message: Sentences, their clauses separated by semicolons; or several lines, which stay lines.
        width: That of the terminal, to fill lines up to it; None to leave a detail on one line.

    >>> print(laid_out("budget is 0; expected 1 or more"))
    budget is 0; expected 1 or more
    >>> print(laid_out(f"cifar10 holds no pgd@9; it has {', '.join(f'pgd@{i}' for i in range(9))}", 60))
    cifar10 holds no pgd@9; it has pgd@0, pgd@1, pgd@2, pgd@3,
      pgd@4, pgd@5, pgd@6, pgd@7, pgd@8
    >>> print(laid_out("cifar10 holds no pgd@9; it has others. Images are named by --images. " + "There is more. " * 5))
    cifar10 holds no pgd@9; it has others.
      Images are named by --images. There is more. There is more. There is more. There is more. There is more.
    """
    head, newline, rest = message.partition("\n")
    lead, *details = parts(head) if len(head) > LONGEST else [head]
    lines = [lead, *(f"  {detail}" for detail in details)]
    lines += rest.split("\n") if newline else []
    lines = [line if len(line) <= _LONGEST_LINE else shortened(line) for line in lines]
    if width is None:
        return "\n".join(lines)
    return "\n".join(filled for line in lines for filled in _filled(line, max(width, _LEAST_WIDTH)))


def parts(message: str) -> list[str]:
    """Return a sentence and its details: by sentences, and where the first is long, by its clauses.

    What stands in quotation marks or parentheses is never split.

    >>> parts("unknown searcher 'x; y'; did you mean 'z'? Known: a, b; or one of your own")
    ["unknown searcher 'x; y'; did you mean 'z'?", 'Known: a, b', 'or one of your own']
    """
    end = _SENTENCE_END.search(_masked(message))
    first, rest = (message[: end.start()], message[end.end() :]) if end else (message, "")
    details = _clauses(rest)
    if len(first) > LONGEST:
        first, *more = _clauses(first)
        if len(first) < _SHORTEST and more:  # "interrupted" says too little by itself
            first = f"{first}; {more.pop(0)}"
        details = [*more, *details]
    return [first, *details]


def _clauses(text: str) -> list[str]:
    """Return what semicolons separate."""
    ends = [i for i, character in enumerate(_masked(text)) if character == ";"]
    clauses = (text[start + 1 : end].strip() for start, end in pairwise([-1, *ends, len(text)]))
    return [clause for clause in clauses if clause]


def _masked(text: str) -> str:
    """Return a text of the same length without what is quoted."""
    return _QUOTED.sub(lambda found: "X" * len(found.group()), text)


def shortened(message: str, most: int = 400) -> str:
    """Return a message without its middle, which is a long value."""
    half = most // 2
    return f"{message[:half]}... ({len(message) - 2 * half:,} characters) ...{message[-half:]}"


def _filled(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line, width, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False
    ) or [""]
