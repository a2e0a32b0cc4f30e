"""Transfer: a network chosen by one attack, eps or dataset, used under another."""
