"""Corrupted images: from files of CIFAR-10-C and CIFAR-100-C, or generated."""
