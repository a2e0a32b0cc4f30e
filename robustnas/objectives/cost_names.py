"""Which way a user's column is better, by its name: costs are smaller, everything else larger.

A name is one of a cost if a word of it is (latency, energy, macs), if it ends in the unit of one (``x_ms``), or if it
is that of a device (``1080ti_1``, ``fpga``), as benchmarks call their latencies. A word such as acc or throughput says
otherwise.
"""

from __future__ import annotations

import re

MINIMISED_WORDS: tuple[str, ...] = (
    "latency",
    "energy",
    "time",
    "memory",
    "params",
    "flops",
    "macs",
    "loss",
    "error",
    "cost",
    "size",
)
"""Words that make a column one to minimise, at the end of others too: ``runtime`` and ``losses`` count."""

_ENDS = re.compile(rf"\w*(?:{'|'.join(MINIMISED_WORDS)}|latencie|energie|losse)s?")
_WORD = re.compile(r"[A-Z]*[a-z]+|[A-Z]+")
_COST = re.compile(
    "lats?|latencies|delays?|power|watts?|wattage|edp|co2e?|carbon|emissions?|footprint|v?ram|mem|param|parameters?|flop|"
    "mac|(?:mult)?madds?|errs?|duration|elapsed|clock|timing|seconds|secs|hours|cycles|area|price|dollars|bytes|drop|degradation|perplexity|ppl|r?mse|mae|nll|ece"
)
_UNIT = re.compile("[mun]s|[mun]?secs?|milli(?:s|seconds)|seconds?|minutes|hours?|days|[mu]j|joules?|kwh|mw|[kmg]i?b")
_WORK, _TIME = re.compile("flops?|macs?|madds?|bytes|params"), re.compile("s|ms|secs?|seconds?|minutes?|hours?")
_DEVICE = re.compile(
    r"""(?:^|_)(?:
        (?:gtx_?|rtx_?)?[0-9]{3,4}ti | [gr]tx_?[0-9]{3,4} | titan_?(?:x|xp|v|rtx)? | [vpah]100 | t4 | k80 | a6000
      | tesla | quadro | jetson | fpga | asic | edge_?gpu | edge_?tpu | gpu | cpu | tpu | npu | dsp | vpu | eyeriss
      | raspi[0-9]* | rpi[0-9]* | raspberry_?(?:pi)?_?[0-9]* | pixel_?[0-9]+(?:xl)? | (?:silver|gold|xeon)_?[0-9]+\w*
      | xeon | snapdragon | samsung | iphone[0-9]* | essential_ph | myriad[0-9]* | movidius
    )(?=_|$)""",
    re.VERBOSE,
)
_GOOD = re.compile(
    "accs?|accuracy|accuracies|top[15]|auc|auroc|iou|f1|recall|psnr|ssim|bleu|fps|throughput|qps|speedup|intensity|"
    "utili[sz]ation|efficiency|robustness|correlation"
)
_LESS = re.compile("drop|degradation|loss|losses|errs?|errors?|costs?|gap")


def minimised_column(name: str) -> bool:
    """Return whether a column is one to minimise, by the words of its name.

    >>> minimised_column("edgegpu_latency"), minimised_column("1080ti_32"), minimised_column("x_ms")
    (True, True, True)
    >>> minimised_column("synflow"), minimised_column("gpu_throughput"), minimised_column("ms_ssim")
    (False, False, False)
    >>> minimised_column("train_seconds"), minimised_column("ms_per_image"), minimised_column("images_per_second")
    (True, True, False)
    """
    tokens = [token for token in re.split(r"[\W_]+", name.lower()) if token]
    each = {*tokens, *(word.lower() for word in _WORD.findall(name))}
    if any(map(_GOOD.fullmatch, each)) and not any(map(_LESS.fullmatch, each)):
        return False
    if "per" in tokens[1:]:  # seconds per image are a cost, images or multiply-accumulates per second are none
        place = tokens.index("per", 1)
        counted, time = _WORK.fullmatch(tokens[place - 1]), _TIME.fullmatch("".join(tokens[place + 1 : place + 2]))
        return not (counted and time) and minimised_column("_".join(tokens[:place]))
    if minimised_of_old(name) or any(map(_COST.fullmatch, each)):
        return True
    return bool(tokens and _UNIT.fullmatch(tokens[-1])) or bool(_DEVICE.search("_".join(tokens)))


def minimised_of_old(name: str) -> bool:
    """Return whether a column was one to minimise when `MINIMISED_WORDS` alone were known.

    What was recorded then means what this says.
    """
    return any(_ENDS.fullmatch(word.lower()) for word in _WORD.findall(name))
