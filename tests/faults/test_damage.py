"""A store whose files have changed on the disk reads back complete or is refused."""

import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench.errors import ExitCode, WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, FailedCall, Request, Usage
from workbench.store import Store

FLIPS = 3_000 if "WORKBENCH_KILLS" in os.environ else 300
SEED = 20_260
IN_FILE, IN_LOG = 120, 60  # answers


@dataclass(frozen=True)
class KilledStore:
    """The files of a store whose process was killed, and its contents."""

    folder: Path
    answers: dict[str, Completion]
    scores: dict[str, Score]

    def copy(self, to: Path) -> Path:
        shutil.rmtree(to, ignore_errors=True)
        return Path(shutil.copytree(self.folder, to))

    def reads_back(self, folder: Path) -> bool:
        """Return True if everything is there, False if the store was refused."""
        refusal, completions, scores, keys = self._read(folder)
        if refusal:
            assert refusal.exit_code == ExitCode.STORAGE, refusal
            assert refusal.where == str(folder / "store.db")
            assert refusal.fix.endswith("`workbench store repair` repairs a damaged store")
            return False
        assert completions == self.answers
        assert scores == self.scores
        assert keys == self.answers.keys()
        return True

    def _read(self, folder: Path) -> tuple[WorkbenchError | None, dict, dict, set]:
        try:
            with Store(folder) as store:
                store.check()
                completions = store.completions(self.answers.keys())
                scores = store.scores(self.scores.keys())
                return None, completions, scores, store.stored_keys(self.answers.keys())
        except WorkbenchError as error:
            return error, {}, {}, set()


def answer(number: int) -> Completion:
    text = f"answer {number} " * (1 + number % 40)
    return Completion(f"{number * 7919:064x}", "ok", text=text, usage=Usage(number, 2), stored=True)


@pytest.fixture(scope="module")
def killed_store(tmp_path_factory: pytest.TempPathFactory) -> KilledStore:
    folder = tmp_path_factory.mktemp("kept")
    live, killed = folder / "live", folder / "killed"
    live.mkdir()
    answers = [answer(number) for number in range(IN_FILE + IN_LOG)]
    requests = [
        Request.from_body(completion.key, {"model": "m", "text": completion.text})
        for completion in answers
    ]
    pairs = list(zip(requests, answers, strict=True))
    scores = {f"{number:064x}": Score(number / 7) for number in range(50)}
    with Store(live) as store:
        store.save_completions(pairs[:IN_FILE])
        store.save_scores(load_evaluator(Spec("exact_match", {}, folder)), scores)
    with Store(live) as store, store.leases.session("plan"):
        for number in range(IN_FILE, IN_FILE + IN_LOG, 4):
            for request, _ in pairs[number : number + 4]:
                store.leases.claim(request.key, "p:m", 0.1)
            store.save_completions(pairs[number : number + 4])
        store.leases.claim("f" * 64, "p:m", 0.1)
        store.leases.record_failed_call("f" * 64, FailedCall("unknown", "reset"))
        subprocess.run(["cp", "-r", live, killed], check=True)  # another process: see Database
    (killed / "store.db-shm").unlink()  # shared memory, created by each process
    return KilledStore(killed, {completion.key: completion for completion in answers}, scores)


def test_files_of_a_killed_process_read_back_complete(
    killed_store: KilledStore, tmp_path: Path
) -> None:
    assert (killed_store.folder / "store.db-wal").stat().st_size > 50 * 4096
    assert killed_store.reads_back(killed_store.copy(tmp_path / "copy"))


@pytest.mark.parametrize("name", ["store.db", "store.db-wal"])
def test_flipped_byte_is_detected_or_changes_nothing(
    killed_store: KilledStore, tmp_path: Path, name: str
) -> None:
    chance = random.Random(SEED)
    content = (killed_store.folder / name).read_bytes()
    refused = 0
    for _ in range(FLIPS):
        place, by = chance.randrange(len(content)), chance.randrange(1, 256)
        copy = killed_store.copy(tmp_path / "copy")
        print(f"{name}: byte {place} ^ {by}")  # shown when it fails
        changed = bytearray(content)
        changed[place] ^= by
        (copy / name).write_bytes(changed)
        refused += not killed_store.reads_back(copy)
    assert refused > FLIPS / 4


@pytest.mark.parametrize("name", ["store.db", "store.db-wal"])
def test_cut_file_is_detected_or_lacks_nothing(
    killed_store: KilledStore, tmp_path: Path, name: str
) -> None:
    chance = random.Random(SEED)
    size = (killed_store.folder / name).stat().st_size
    refused = 0
    places = [*range(size - 40, size), *(chance.randrange(size) for _ in range(100))]
    for place in [*places, *range(0, size, 8192), 0, 1]:
        copy = killed_store.copy(tmp_path / "copy")
        print(f"{name}: cut at {place} of {size}")
        with (copy / name).open("r+b") as file:
            file.truncate(place)
        refused += not killed_store.reads_back(copy)
    assert refused > 100


def test_page_that_is_older_than_the_others_is_detected(
    killed_store: KilledStore, tmp_path: Path
) -> None:
    """Each page as it was before the last answers: a write that the disk never made."""
    after = killed_store.copy(tmp_path / "after")
    with Store(after) as store:
        store.check()  # closing moves the log into the file
    old, new = (folder / "store.db" for folder in (killed_store.folder, after))
    before, content = old.read_bytes(), new.read_bytes()
    pages = [p for p in range(4096, len(before), 4096) if before[p : p + 96] != content[p : p + 96]]
    assert len(pages) > 5
    for page in pages:
        new.write_bytes(content[:page] + before[page : page + 4096] + content[page + 4096 :])
        print(f"page {page // 4096}")
        for file in after.glob("store.db-*"):
            file.unlink()
        killed_store.reads_back(after)


def test_missing_log_is_detected(killed_store: KilledStore, tmp_path: Path) -> None:
    copy = killed_store.copy(tmp_path / "copy")
    (copy / "store.db-wal").unlink()
    with Store(copy) as store, pytest.raises(WorkbenchError) as caught:
        store.check()
    assert caught.value.message == "the store is damaged: its last 15 changes are missing"
    assert caught.value.exit_code == ExitCode.STORAGE


def test_watermark_of_another_store_is_ignored(killed_store: KilledStore, tmp_path: Path) -> None:
    for watermark in ("", "0123456789abcdef 00000000000000000099 00000000\n", "\0" * 50):
        copy = killed_store.copy(tmp_path / "copy")
        (copy / "acknowledged").write_text(watermark)
        assert killed_store.reads_back(copy)
