"""Which records stay: rules on answers, verifiers, near-duplicates, test sets, splits; pure."""
