"""Attacks in pixel space: FGSM, PGD, APGD-CE, Square and those of others, alone or over a grid of eps."""
