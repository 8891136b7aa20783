"""Images of rows in the comparison's page: small ones, as many as fit, and no file that changed."""

import json

from bench import Bench
from pictures import data_url, picture

from workbench.page import row_images
from workbench.page.row_images import PageImages

EXPERIMENT = """\
dataset: rows.jsonl
prompts: [plain, one]
models: [echo:last]
evaluators: [output_tokens]
"""


def test_page_has_the_small_images_that_fit(bench: Bench, monkeypatch) -> None:
    names = ("a", "large", "edited", "b", "c")
    contents = {name: picture(name.encode()) for name in names}
    contents["large"] += bytes(100_000)
    for name, content in contents.items():
        bench.write(f"{name}.png", content)
    rows = (json.dumps({"id": name, "text": f"{name}.png"}) for name in names)
    bench.write("rows.jsonl", "\n".join(rows))
    bench.write("one.jinja", "{% image text %}")
    plan = bench.plan(EXPERIMENT)
    bench.write("edited.png", picture(b"other"))
    urls = {name: data_url(content) for name, content in contents.items()}
    monkeypatch.setattr(row_images, "MAX_PAGE", len(urls["a"] + urls["b"]))
    images = PageImages(plan, range(2))
    shown = [images.of_row(number) for number in range(5)]
    assert shown == [[urls["a"]], [], [], [urls["b"]], []]
    assert PageImages(plan, [0]).of_row(0) == []
