"""The live page: what it reads, who may read and rate, and what reaches the store."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

import pytest
from live_page import PORT, SECRET, LivePage

from workbench.errors import WorkbenchError
from workbench.store.search import find_answers
from workbench.view.page_server import bind_port


def data_of(page: bytes) -> dict:
    (text,) = re.findall(rb'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(text)


def rating(live: LivePage, **changes: object) -> dict[str, object]:
    (row,) = live.get("rows?numbers=0")
    fields = {"number": 0, "variant": 0, "answer": row["cells"][0]["answer"], "good": False}
    return {**fields, "comment": "too short", **changes}


def test_page_has_no_texts_and_rows_are_read_by_number(live: LivePage) -> None:
    page = live.request("/{token}/")
    data = data_of(page.body)
    assert (page.status, data["index"]["rows"], b"50% off" in page.body) == (200, 3, False)
    assert data["live"] == {"person": "ann", "can_rate": True}
    assert b"connect-src 'self'" in page.body
    rows = live.get("rows?numbers=2,0,7")
    assert [(row["number"], row["inputs"]) for row in rows] == [(2, ["Ärger"]), (0, ["50% off"])]
    assert rows[0]["cells"] == [None, None]
    cell = rows[1]["cells"][1]
    assert (cell["text"], cell["scores"], cell["ratings"], len(cell["answer"])) == (
        "answer 0 of 1: <b>größer</b>",
        [2.0],
        [],
        32,
    )
    assert live.get("more?number=0")[1]["prompt"] == [["user", "50% OFF"]]


SEARCHES = {
    "0% OFF": [0],
    "ärger": [2],
    "größer": [0, 1],
    "GRÖSSER": [],
    "OF 1:": [0, 1],
    "%": [0],
    "_": [],
    "\\": [],
    "r2": [2],
    "'; --": [],
    "": [0, 1, 2],
}
# An answer with NUL, a combining character, a backslash, lone surrogates, an emoji
ODD_ANSWER = "before\0Behind 5_%\\n e\u0301 \ud800 \U0001f600"
ODD_SEARCHES = {
    "\0": [2],
    "\0b": [2],
    "\0x": [],
    "before\0behind": [2],
    "behind": [2],
    "5_%\\n": [2],
    "5%": [],
    "e\u0301": [2],
    "\u0301": [2],
    "é": [],
    "\U0001f600": [2],
    "\U0001f601": [],
    "\ufffd": [],
    "x" * 1_000: [],
}


@pytest.mark.parametrize("can_write", [True, False])
def test_search_reads_inputs_and_answers(live: LivePage, *, can_write: bool) -> None:
    def search(texts: Iterable[str]) -> dict[str, list[int]]:
        return {text: live.get(f"search?q={quote(text)}") for text in texts}

    live.store.database.is_read_only = not can_write
    assert search(SEARCHES) == SEARCHES
    assert search(["\0", "before"]) == {"\0": [], "before": []}
    live.store.database.is_read_only = False
    live.save(2, ODD_ANSWER)
    live.store.database.is_read_only = not can_write
    assert search(ODD_SEARCHES) == ODD_SEARCHES
    assert find_answers(live.store, "\ud800") == {live.plan.cells[0][2].key}
    assert find_answers(live.store, "\udfff") == set()


def test_secrets_are_hidden_in_every_response(live: LivePage) -> None:
    live.save(1, f"it is {SECRET}", 0)
    for path in ("", "rows?numbers=0,1,2", "more?number=1", f"search?q={SECRET}"):
        assert SECRET.encode() not in live.request("/{token}/" + path).body
    assert "[secret KEY]" in json.dumps(live.get("rows?numbers=1"))


def test_ratings_are_stored_and_shown(live: LivePage) -> None:
    done = live.rate(rating(live))
    shown = [{"person": "ann", "good": False, "comment": "too short"}]
    assert (done.status, done.json, live.woken) == (200, {"ratings": shown}, [True])
    assert live.get("rows?numbers=0")[0]["cells"][0]["ratings"] == shown
    assert live.get("rows?numbers=0")[0]["cells"][1]["ratings"] == []
    (entry,) = live.store.ratings.entries([live.plan.cells[0][0].key])
    assert (entry.person, entry.good, entry.comment) == ("ann", False, "too short")
    assert live.rate(rating(live, good=None, comment="")).json == {"ratings": []}
    live.rate(rating(live, good=True))
    rated = data_of(live.request("/{token}/").body)["index"]["rated"]
    assert rated == [{"good": [0], "bad": []}, {"good": [], "bad": []}]


def test_answer_that_has_changed_is_not_rated(live: LivePage) -> None:
    body = rating(live)
    live.save(0, "another answer")
    done = live.rate(body)
    error = "the answer has changed meanwhile: reload the page"
    assert (done.status, done.json, live.woken) == (409, {"error": error}, [])
    assert not live.store.ratings


def test_new_answers_are_announced_and_shown_after_a_reload(live: LivePage) -> None:
    assert live.get("state") == {"new": 0, "mlflow": "", "rating_error": ""}
    live.save(2, "new")
    assert live.get("state")["new"] == 1
    states = [v["states"] for v in data_of(live.request("/{token}/").body)["index"]["variants"]]
    assert (states, live.get("state")["new"]) == (["000", "004"], 0)


REQUESTS: list[tuple[str, dict[str, str], int]] = [
    ("/{token}/state", {"host": f"localhost:{PORT}"}, 200),
    ("/{token}/state", {"host": "attacker.example"}, 403),  # its name leads to 127.0.0.1
    ("/{token}/state", {"host": f"attacker.example:{PORT}"}, 403),
    ("/{token}/state", {"host": "127.0.0.1:80"}, 403),
    ("/{token}/state", {"host": ""}, 403),
    ("/", {}, 404),
    ("/state", {}, 404),
    ("/rows?numbers=0", {}, 404),
    ("/x{token}/state", {}, 404),
    ("/{token}x/state", {}, 404),
    ("/%C3%A9/state", {}, 404),
    ("/é/state", {}, 404),
    ("//{token}/state", {}, 404),
    ("/{token}/../{token}/state", {}, 404),
    ("/{token}/state", {"sec_fetch_site": "cross-site"}, 403),
    ("/{token}/state", {"sec_fetch_site": "same-site"}, 403),  # another port of 127.0.0.1
    ("/{token}/", {"sec_fetch_site": "cross-site"}, 200),  # a link leads to the page itself
    ("/{token}/state", {"origin": "http://127.0.0.1:9"}, 403),
    ("/{token}/state", {"origin": "null"}, 403),
    ("/{token}/rows?numbers=" + "1," * 500 + "1", {}, 400),
    ("/{token}/rows?numbers=a", {}, 400),
    ("/{token}/rows?numbers=" + "9" * 5_000, {}, 200),
    ("/{token}/more?number=-1", {}, 400),
    ("/{token}/more?number=99", {}, 200),
    ("/{token}/search?q=" + "x" * 1_001, {}, 400),
]


def test_only_the_printed_address_from_this_page_is_answered(live: LivePage) -> None:
    replies = [live.request(path, **headers) for path, headers, _ in REQUESTS]
    assert [reply.status for reply in replies] == [status for *_, status in REQUESTS]
    for reply in replies:
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-frame-options"] == "DENY"
        assert "set-cookie" not in reply.headers
        assert not any(name.startswith("access-control") for name in reply.headers)


REFUSED: list[tuple[dict[str, object], dict[str, str], int]] = [
    ({}, {"origin": ""}, 403),
    ({}, {"origin": "null"}, 403),
    ({}, {"origin": "http://attacker.example"}, 403),
    ({}, {"origin": "http://127.0.0.1:9"}, 403),
    ({}, {"content_type": "text/plain"}, 415),  # a form of another page can send it
    ({}, {"content_type": "application/x-www-form-urlencoded"}, 415),
    ({"good": "yes"}, {}, 400),
    ({"good": 1}, {}, 400),
    ({"number": 0.5}, {}, 400),
    ({"person": "bob"}, {}, 400),
    ({"comment": "x" * 10_001}, {}, 409),
    ({"comment": "x" * 70_000}, {}, 413),
    ({"number": 99}, {}, 409),
    ({"number": -1}, {}, 409),
    ({"variant": 2}, {}, 409),
    ({"number": 2}, {}, 409),  # without an answer
    ({"answer": "x"}, {}, 409),
]


def test_other_ratings_are_refused(live: LivePage) -> None:
    replies = [live.rate(rating(live, **changes), **headers) for changes, headers, _ in REFUSED]
    assert [reply.status for reply in replies] == [status for *_, status in REFUSED]
    assert [live.rate(body).status for body in (b"", b"{", b"[]", b"\xff", b"null")] == [400] * 5
    assert live.request("/{token}/rate").status == 405
    assert (live.store.ratings.counts(), live.woken) == ({}, [])


def test_port_in_use_is_named() -> None:
    with bind_port(0) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(WorkbenchError) as caught:
            bind_port(port)
        assert (caught.value.message, caught.value.fix) == (
            f"something listens on port {port} already",
            f"workbench view --port {port + 1}",
        )
        assert listener.getsockname()[0] == "127.0.0.1"
