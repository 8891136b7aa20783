"""Images of rows in the page of a comparison: small files as data URLs, up to a limit of the page.

{"id": "r1", "inputs": ["photos/red.png"], "images": ["data:image/png;base64,…"], …}
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.images.image_file import MAX_SHOWN
from workbench.images.request_images import count_images, data_url, insert_images
from workbench.plan import Plan

MAX_PAGE = 4_000_000  # bytes of all images: the rows' texts need the rest of the page


class PageImages:
    """The images of a plan's rows, in the order of the rows."""

    def __init__(self, plan: Plan, variants: Sequence[int]) -> None:
        self._plan, self._variants = plan, variants
        self._left = MAX_PAGE

    def of_row(self, number: int) -> list[str]:
        """The data URLs of a row, from the first variant that has images; empty without any."""
        for variant in self._variants if self._plan.images.sources else ():
            request = self._plan.bodies[self._plan.cells[variant][number].key]
            if count_images(request.text):
                return self._urls(request.body)
        return []

    def _urls(self, body: Mapping[str, JSON]) -> list[str]:
        urls: list[str] = []

        def collect(fields: Mapping[str, JSON]) -> str:
            with suppress(WorkbenchError):  # it is gone or has changed; the row names it
                if fields["bytes"] <= min(MAX_SHOWN, self._left):
                    urls.append(data_url(fields, self._plan.images.sources))
                    self._left -= len(urls[-1])
            return ""

        insert_images(body, collect)
        return urls
