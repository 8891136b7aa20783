"""This project's own evaluator: an example of one function a file."""

from workbench.evaluator import Score, evaluator


@evaluator(kind="pass")
def one_word(outputs: str, *, most: int = 1) -> Score:
    """Whether the answer keeps to `most` words; True or False.

    Args:
        outputs: the answer.
        most: how many words it may have, white space between them.
    """
    words = len(outputs.split())
    return Score(words <= most, f"{words} words")
