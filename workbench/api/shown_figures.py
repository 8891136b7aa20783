"""Figures that a notebook shows without pyplot.

results.figures                   all of them, one below the other
results.figures["exact_match"]    one
"""

import io
from base64 import b64encode
from collections.abc import Mapping
from functools import partial

from matplotlib.figure import Figure

from workbench.api.html_tables import html_text
from workbench.figures.figure_style import DPI


class ShownFigures(dict[str, Figure]):
    """Figures by name. IPython shows a plain one as text unless pyplot was imported before it."""

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        super().__init__(figures)
        for figure in self.values():
            vars(figure)["_repr_png_"] = partial(_png, figure)

    def _repr_html_(self) -> str:
        images = (
            f'<p>{html_text(name)}<br><img style="max-width:100%" alt="" '
            f'src="data:image/png;base64,{b64encode(_png(figure)).decode()}"></p>'
            for name, figure in self.items()
        )
        return "".join(images) or "<p>no metric has a mean</p>"


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return stream.getvalue()
