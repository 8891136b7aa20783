"""The rows of a notebook as a data frame.

id  text    label   language  length
r0  word 0  word 0  fr        short
"""

import pandas as pd


def frame(rows: int = 40) -> pd.DataFrame:
    """Rows of two languages and two lengths, whose answers `short` gets right and `loud` wrong."""
    numbers = range(rows)
    return pd.DataFrame(
        {
            "id": [f"r{n}" for n in numbers],
            "text": [f"word {n}" for n in numbers],
            "label": [f"word {n}" for n in numbers],
            "language": ["de" if n % 2 else "fr" for n in numbers],
            "length": ["long" if n % 4 > 1 else "short" for n in numbers],
        }
    )
