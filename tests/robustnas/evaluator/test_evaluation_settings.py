"""Digests are part of the keys of stored measurements: they must not change."""

from __future__ import annotations

import pytest

from robustnas.errors import InvalidInputError
from robustnas.evaluator import software
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.metric import ATTACKS, Attack, Metric
from robustnas.spaces import open_space

DEFAULT = EvaluationSettings()
OTHER = EvaluationSettings(protocol="nested", n_images=100, attacks=AttackSettings(10, 0.25, 20, 150))


@pytest.mark.parametrize(
    ("metric", "default", "other"),
    [
        (
            "clean",
            "9bfba11dfed4de8a69d50755f2ae9fefebc94be5c8b3770689a77a46fdf9221d",
            "fe7537ed2a65b0177a66c07fc2b713c2c47cc9838d23b1801eb65dd6f5f4e2b3",
        ),
        (
            "fgsm@1",
            "9bfba11dfed4de8a69d50755f2ae9fefebc94be5c8b3770689a77a46fdf9221d",
            "48698a040fbe41aeccc87d8fdf2933c19c542fd6ee1d94ac48f76bb7877e6a7a",
        ),
        (
            "pgd@1",
            "364c001734c3ba3c1a6ef362fa10ea3005802e96a9ef44cb3857dad39f7cfa17",
            "f0aa55819ebdce407d6746ae6eefb5b1ca9fb79f316500bc8959d5c91c7a1dc1",
        ),
        (
            "apgd@1",
            "cc9e9f53bebd35c55f26cb60aa7db6d46fee1ee5dc3fa0c4b83a0be04df98574",
            "e605f36500b366cc3d1ebb6aadb99a579686d1dda455c361881fe8af1b202964",
        ),
        (
            "square@1",
            "4ff873c1a2980a11e6c2c398668eccb3088fc9ee8592ddc6d1b94aee0f817776",
            "19aa893880ad8dba9f723e603e1e3cc5497fb9f123071a66a0366bc447cef22f",
        ),
        (
            "corruption:fog@3",
            "700482addc416a790cd576926787044fc58083623ae461d24c8cc4eeda6a744c",
            "20302f138f9b531f0088bf5fb9692512fbd6629503612c88e1396d5c7002d9c9",
        ),
    ],
)
def test_digests_of_settings_stay(metric: str, default: str, other: str) -> None:
    grid, corruption = [0.5, 1.0, 2.0], {"scale": "CIFAR-10-C files"}
    assert DEFAULT.digest(Metric.parse(metric), grid, corruption=corruption) == default
    assert OTHER.digest(Metric.parse(metric), grid, corruption=corruption) == other


def test_the_digest_of_the_training_stays() -> None:
    assert (
        DEFAULT.training_digest_in(open_space()) == "183b959d313edca64adf3b0013de6ecb566f2faa1c6e08a0c1512b4fad941c76"
    )


def test_releases_of_packages_that_define_a_number_are_in_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first supported release is not, so that numbers kept before are found; nor is what only computes."""
    metrics = [Metric.parse(name) for name in ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1")]
    monkeypatch.setattr(software, "installed", {"pyautoattack": "0.2.0", "torch": "2.6.0"}.get)
    first = [DEFAULT.digest(metric) for metric in metrics]
    monkeypatch.setattr(software, "installed", {"pyautoattack": "0.3.0", "torch": "2.13.0"}.get)
    later = [DEFAULT.digest(metric) for metric in metrics]
    assert [a == b for a, b in zip(first, later, strict=True)] == [True, True, True, False, True]
    monkeypatch.setattr(software, "installed", lambda _: "")
    assert [DEFAULT.digest(metric) for metric in metrics] == first


def test_the_precision_of_attacks_is_in_the_digest_of_attacks_alone() -> None:
    attacked, clean = Metric("apgd", 1.0), Metric("clean")
    other = EvaluationSettings(attack_precision="bfloat16")
    assert len({each.digest(attacked) for each in (DEFAULT, other, EvaluationSettings(attack_precision="tf32"))}) == 3
    for same in (clean, Metric("square", 1.0), Metric("autoattack", 1.0)):
        assert (DEFAULT.digest(same), other.precision_of(same)) == (other.digest(same), "float32")
    assert other.as_dict()["attack_precision"] == "bfloat16"
    assert repr(other) == repr(DEFAULT)  # searches that were begun before there was a choice go on
    with pytest.raises(InvalidInputError, match="did you mean 'bfloat16'"):
        EvaluationSettings(attack_precision="bfloat")


def test_the_class_of_an_attack_of_ones_own_is_in_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for attacker in ("mine.attack:First", "mine.attack:Second"):
        monkeypatch.setitem(ATTACKS, "mine", Attack("Mine", attacker, passes_per_step=2))
        digests.add(DEFAULT.digest(Metric("mine", 1.0)))
    assert len(digests) == 2
