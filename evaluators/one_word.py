"""Example of a project's own evaluator: one function a file."""

from workbench.evaluator import Score, evaluator


@evaluator(kind="pass")
def one_word(outputs: str, *, most: int = 1) -> Score:
    """True if the answer has at most `most` words.

    Args:
        outputs: the answer.
        most: the largest number of words, separated by white space.
    """
    words = len(outputs.split())
    return Score(words <= most, f"{words} words")
