"""Images in MLflow: in the traces of rows while they are small, by digest in an artifact."""

import json

from pictures import data_url, digest_url, picture
from recording import Recording

EXPERIMENT = """\
dataset: rows.jsonl
prompts: [one]
models: [echo:last]
evaluators: [output_tokens]
"""
SMALL, LARGE = picture(b"small"), picture(b"large") + bytes(100_000)


def write(recording: Recording, small: bytes = SMALL) -> None:
    bench = recording.bench
    bench.write("one.jinja", "What?\n{% image photo %}\n")
    bench.write("small.png", small)
    bench.write("large.png", LARGE)
    photos = ("small.png", "large.png", data_url(SMALL), "https://a.org/b.png")
    rows = (json.dumps({"id": f"r{n}", "photo": photo}) for n, photo in enumerate(photos))
    bench.write("rows.jsonl", "\n".join(rows))


def test_traces_show_small_images_and_the_digest_of_others(recording: Recording) -> None:
    write(recording)
    recorded = recording.run(EXPERIMENT)
    contents = {}
    for trace in recording.traces(recorded.variants[0].run_id):
        (call,) = (span for span in trace.data.spans if span.parent_id)
        ((_, part),) = (message["content"] for message in call.inputs["messages"])
        contents[trace.info.tags["workbench.example"]] = part
    placeholder = f"[image large.png, {digest_url(LARGE)[:19]}…, 100.1 kB]"
    shown = {"type": "image_url", "image_url": {"url": data_url(SMALL)}}
    assert contents == {
        "r0": shown,
        "r1": {"type": "text", "text": placeholder},
        "r2": shown,
        "r3": {"type": "image_url", "image_url": {"url": "https://a.org/b.png"}},
    }
    digests = {"small.png": digest_url(SMALL), "large.png": digest_url(LARGE)}
    assert json.loads(recording.artifact(recorded.parent_run_id, "images.json")) == digests
    assert recording.run(EXPERIMENT).parent_run_id == recorded.parent_run_id
    write(recording, picture(b"edited"))
    again = recording.run(EXPERIMENT)
    assert again.parent_run_id != recorded.parent_run_id
    assert again.requests.sent == 1
