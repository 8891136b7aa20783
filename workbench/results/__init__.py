"""The numbers of a variant: counts, metrics and their intervals."""
