"""The benchmark of surrogates: plan, fits, records, report."""
