"""Names of columns in the files of NAS-RobBench-201 and of the database's web page, and the metrics they stand for.

NAS-RobBench-201 (Wu et al., "Robust NAS under adversarial training: benchmark, theory, and beyond", ICLR 2024) calls
them ``val_acc``, ``val_fgsm_3_acc``, ``val_pgd_8.0_acc`` and ``autoattack``, which is at eps 8; the database's web
page, which is all at eps 1, ``clean``, ``aa_apgd-ce``, ``aa_square``, ``fgsm``, ``pgd`` and ``corr``.
"""

from __future__ import annotations

import re

from robustnas.metric import MEAN_CORRUPTION, Metric
from robustnas.spaces.nasbench201.cost import SKELETONS

ROBBENCH = "robbench-"
"""What the names of the datasets of NAS-RobBench-201 begin with: ``robbench-cifar10``."""

_IMAGES = {**{name.lower(): name for name in SKELETONS}, "imagenet": "ImageNet16-120"}
_AUTOATTACK_EPS = 8.0
_ATTACKED = re.compile(r"val_(fgsm|pgd)_(\d{1,3}(?:\.\d+)?)_acc")
_PAGE = {
    "clean": Metric("clean"),
    "fgsm": Metric("fgsm", 1.0),
    "pgd": Metric("pgd", 1.0),
    "aa_apgd-ce": Metric("apgd", 1.0),
    "aa_square": Metric("square", 1.0),
    "corr": Metric(MEAN_CORRUPTION),
}


def robbench_names() -> tuple[str, ...]:
    """Return the names of the datasets of NAS-RobBench-201.

    >>> robbench_names()
    ('robbench-cifar10', 'robbench-cifar100', 'robbench-ImageNet16-120')
    """
    return tuple(f"{ROBBENCH}{name}" for name in SKELETONS)


def images_named(name: str) -> str | None:
    """Return the image data that a file calls by a name, such as ``imagenet``; None if unknown.

    >>> images_named("imagenet"), images_named("mnist")
    ('ImageNet16-120', None)
    """
    return _IMAGES.get(name.strip().lower())


def robbench_metric(name: str) -> Metric | None:
    """Return the metric of a column of NAS-RobBench-201; None if unknown.

    >>> str(robbench_metric("val_pgd_8.0_acc")), str(robbench_metric("autoattack")), robbench_metric("loss")
    ('pgd@8', 'autoattack@8', None)
    """
    if name == "val_acc":
        return Metric("clean")
    if name == "autoattack":
        return Metric("autoattack", _AUTOATTACK_EPS)
    match = _ATTACKED.fullmatch(name)
    eps = float(match[2]) if match else 0.0
    return Metric(match[1], eps) if match and 0 < eps <= 255 else None


def page_column(name: str) -> tuple[str, Metric] | None:
    """Return dataset and metric of a column of a web page's file, ``<images>#<metric>``; None if unknown.

    >>> [str(part) for part in page_column("imagenet#val_fgsm_3_acc")]
    ['robbench-ImageNet16-120', 'fgsm@3']
    >>> [str(part) for part in page_column("cifar10#pgd")]
    ['cifar10', 'pgd@1']
    """
    images, _, metric = name.partition("#")
    dataset = images_named(images)
    if dataset is None:
        return None
    if metric in _PAGE:
        return dataset, _PAGE[metric]
    found = robbench_metric(metric)
    return (f"{ROBBENCH}{dataset}", found) if found else None
