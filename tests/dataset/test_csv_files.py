"""CSV and TSV as spreadsheets and other programs write them."""

import bz2
import gzip
import lzma

import pytest

AB = [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]
OPEN_QUOTES = [{"a": "1", "b": '"x'}, {"a": "2", "b": 'y"'}]
EXCEL = "a\tb\r\n1\tö\r\n2\t„ß“\r\n"
WIDE = [{"a": "1", "b": "ö"}, {"a": "2", "b": "„ß“"}]


@pytest.mark.parametrize(
    ("name", "content", "settings", "expected"),
    [
        pytest.param("r.csv", b"a,b\n1,x\n,\n2,y\n,\n , \n", {}, AB, id="blank rows"),
        pytest.param("r.csv", b",,\n,,\na,b,\n1,x,\n2,y,\n", {}, AB, id="blank first rows"),
        pytest.param("r.csv", b"a,b,,\n1,x,,\n2,y,,\n", {}, AB, id="unnamed empty columns"),
        pytest.param("r.csv", b"a,,b\n1,,x\n2, ,y\n", {"columns": ["a", "b"]}, AB, id="unnamed"),
        pytest.param("r.csv", b"a,b,,\n1,x\n2,y,\n", {}, AB, id="delimiters cut off"),
        pytest.param("r.csv", b"a,b\n1,x,,\n2,y,\n", {}, AB, id="delimiters at the end of rows"),
        pytest.param("r.csv", b"sep=;\r\na;b\r\n1;x\r\n2;y\r\n", {}, AB, id="Excel's sep"),
        pytest.param("r.csv", b'\xef\xbb\xbf"sep=|"\na|b\n1|x\n2|y\n', {}, AB, id="sep, BOM"),
        pytest.param("r.csv", b'sep=\t\na\tb\n1\t"x"\n2\ty\n', {}, AB, id="sep, tab"),
        pytest.param("r.csv", b"sep=,\na;b\n1;x\n2;y\n", {"delimiter": ";"}, AB, id="told"),
        pytest.param("r.csv", b"a\tb\n1\tx\n2\ty\n", {"delimiter": "\t"}, AB, id="tabs"),
        pytest.param(
            "r.jsonl.gz",
            gzip.compress('{"a": "1", "b": "ö"}\n{"a": "2", "b": "„ß“"}'.encode("cp1252"), mtime=0),
            {"encoding": "cp1252"},
            WIDE,
            id="JSON",
        ),
        pytest.param(
            "r.json",
            '[{"a": "1", "b": "ö"}, {"a": "2", "b": "„ß“"}]'.encode("utf-32"),
            {"encoding": "utf-32"},
            WIDE,
            id="UTF-32",
        ),
        pytest.param("r.txt", b"a|b\n1|x\n2|y\n", {"delimiter": "|"}, AB, id="any suffix"),
        pytest.param("r.csv.gz", gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0), {}, AB, id="gzip"),
        pytest.param("r.tsv.bz2", bz2.compress(b"a\tb\n1\tx\n2\ty\n"), {}, AB, id="bzip2"),
        pytest.param("r.csv.xz", lzma.compress(b"a,b\n1,x\n2,y\n"), {}, AB, id="xz"),
        pytest.param("r.tsv", EXCEL.encode("utf-16"), {}, WIDE, id="UTF-16 with a mark"),
        pytest.param("r.txt", EXCEL.encode("utf-16"), {"delimiter": "\t"}, WIDE, id="Unicode text"),
        pytest.param(
            "r.tsv", b"\xfe\xff" + EXCEL.encode("utf-16-be"), {}, WIDE, id="UTF-16, big endian"
        ),
        pytest.param(
            "r.tsv", EXCEL.encode("utf-16-le"), {"encoding": "utf-16-le"}, WIDE, id="no mark"
        ),
        pytest.param("r.tsv", EXCEL.encode("cp1252"), {"encoding": "cp1252"}, WIDE, id="cp1252"),
        pytest.param(
            "r.csv",
            'a,b\n1,"x\r\ny"\n2,"x\ry\u2028z\n"\n'.encode(),
            {},
            [{"a": "1", "b": "x\r\ny"}, {"a": "2", "b": "x\ry\u2028z\n"}],
            id="line ends in cells",
        ),
        pytest.param("r.tsv", b'a\tb\n1\t"x\n2\ty"\n', {}, OPEN_QUOTES, id="tsv"),
        pytest.param("R.TSV", b"a\tb\n1\tx\n2\ty\n", {}, AB, id="capital letters"),
        pytest.param("r.tsv.old.csv", b"a,b\n1,x\n2,y\n", {}, AB, id="the last suffix"),
        pytest.param(
            "r.tsv", b'a\tb\n1\t"x"\n2\t"y"\n', {"quoting": "double"}, AB, id="told double"
        ),
        pytest.param(
            "r.csv", b'a,b\n1,"x\n2,y"\n', {"quoting": "none"}, OPEN_QUOTES, id="told none"
        ),
        pytest.param(
            "r.csv",
            b'a,b\n1,"x \\"y\\", z"\n',
            {"quoting": "backslash"},
            [{"a": "1", "b": 'x "y", z'}],
            id="backslash",
        ),
        pytest.param("r.csv", b'a,b\n"",""\n', {}, [{"a": "", "b": ""}], id="quoted empty cells"),
    ],
)
def test_tables_of_spreadsheets_are_read(name, content, settings, expected, rows_of):
    assert rows_of(name, content, **settings) == expected


QUOTED = (
    "1 row has a field in double quotes, which are read as part of the text, first r.tsv:2; if "
    "they only enclose it: `quoting: double`, else `quoting: none`"
)


@pytest.mark.parametrize(
    ("name", "content", "settings", "expected"),
    [
        ("r.csv", b"a,b\n1,x\n,\n2,y\n,\n", {}, ("2 blank rows were skipped, first r.csv:3",)),
        ("r.csv", b",\na,b\n\n1,x\n\n", {}, ("1 blank row was skipped, first r.csv:1",)),
        ("r.csv", b"a,b\n\n1,x\n\n", {}, ()),
        ("r.tsv", b'a\tb\n1\t"x ""y"""\n', {}, (QUOTED,)),
        ("r.tsv", b'a\tb\n1\t"x" or "y"\n', {}, ()),
        ("r.tsv", b'a\tb\n1\t"x"\n', {"quoting": "none"}, ()),
        ("r.tsv", b'a\tb\n1\t"x"\n', {"quoting": "double"}, ()),
    ],
)
def test_rows_and_quotes_that_may_be_meant_otherwise_are_counted(
    name, content, settings, expected, notes_of
):
    assert notes_of(name, content, **settings) == expected


PAIR = 'id,text,label\n1,"I love it.,pos\n2,It is great.",neg\n3,Dull.,neg\n'
LABELS = "text,label\n" + 'a,x\nb,y\nc,x\nd,y\n"e,x\nf",y\n'
LONG = 'a,b,c\nx,"u,v\nw,y,z\nt,r"",s\nr,q",p\n'
RUNS = "a quoted field of this row runs over {} lines that look like rows"


@pytest.mark.parametrize(
    ("content", "line", "lines"),
    [
        pytest.param(PAIR, 2, 2, id="the number of the second row"),
        pytest.param(PAIR.replace("\n", "\r\n"), 2, 2, id="CRLF"),
        pytest.param(LABELS, 6, 2, id="the label of the first row"),
        pytest.param(LONG, 2, 4, id="complete lines between"),
        pytest.param('text,label\n"Fun,pos\nDull,neg\nGreat",pos\n', 2, 3, id="no other rows"),
        pytest.param('text,label\n"Fun,pos\nGreat",pos\n', 2, 2, id="the label of its own row"),
        pytest.param(
            'id,label,text\nq1,pos,"Fun\nq2,neg,Dull\nq3,pos,Great"\n', 2, 3, id="the last column"
        ),
    ],
)
def test_a_quoted_field_that_swallows_rows_is_refused_with_its_line(
    content, line, lines, refusal_of, notes_of
):
    message = RUNS.format(lines)
    assert refusal_of("r.csv", content.encode()) == (
        f"r.csv:{line}: {message}\n  fix: `quoting: none` reads quotes as text; if the lines "
        "belong to the field, `quoting: double`"
    )
    assert notes_of("r.csv", content.encode(), quoting="double") == (f"r.csv:{line}: {message}",)


@pytest.mark.parametrize(
    "content",
    [
        'question,answer\nWho?,"He said\nWhen?,Now he said"\n',
    ],
)
def test_a_quoted_field_that_may_hold_rows_is_noted(content, notes_of):
    assert notes_of("r.csv", content.encode()) == (
        f"r.csv:2: {RUNS.format(2)}; `quoting: none` reads quotes as text; if the lines belong to "
        "the field, `quoting: double`",
    )
    assert notes_of("r.csv", content.encode(), quoting="double") == ()


@pytest.mark.parametrize(
    "content",
    [
        'id,text\n1,"Dear Sir\nHello, thanks"\n2,x\n',
        'id,text,label\n1,"Hi, there\nbye, now",pos\n2,Dull.,neg\n',
        'id,text\n1,"Dear Sir\n\nHello, thanks\nYours, me"\n2,x\n',
        'text\n"a\nb"\n',
        'a,b,c\nx,"u,v\nw,y,z\nr,q",p\ny,"line\nline",p\nz,"line\nline",q\n',
    ],
)
def test_a_field_of_several_lines_is_a_field(content, notes_of):
    assert notes_of("r.csv", content.encode()) == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            'a,b,c\n1,"x,p\n2,y",z,q\n',
            "r.csv:2: 4 fields, but the header has 3; the last is 'q'; a quoted field of this row "
            "runs on to line 3",
        ),
        (
            'a,b,c\n1,"x,p\n2,y,q\n3,"z,p\n',
            "r.csv:2: a quoted field of this row runs over 3 lines to text after a quote",
        ),
        ('a,b,c\n1,x,p\n2,"y,q\n3,z,p\n', "r.csv:3: a quoted field of this row is never closed"),
    ],
)
def test_a_quoted_field_that_breaks_its_row_is_named(content, expected, refusal_of):
    message, fix = refusal_of("r.csv", content.encode()).split("\n")
    assert message == expected
    assert "`quoting: none` reads quotes as text" in fix


@pytest.mark.parametrize(
    ("name", "content", "settings", "expected"),
    [
        (
            "r.csv",
            b"a\n\x81\n",
            {"encoding": "cp1252"},
            "r.csv:2: byte 2, b'\\x81', is not CP1252\n"
            "  fix: name another `encoding:`, or save the file as UTF-8",
        ),
        (
            "r.csv",
            b"\xef\xbb\xbfa\nx\n",
            {"encoding": "latin-1"},
            "r.csv: `encoding: iso8859-1`, but it begins with the byte order mark of UTF-8\n"
            "  fix: remove `encoding:`",
        ),
        (
            "r.csv",
            b"\xff\xfea\x00\x00",
            {},
            "r.csv:1: is not UTF-16: truncated data\n"
            "  fix: name another `encoding:`, or save the file as UTF-8",
        ),
        (
            "r.csv.gz",
            gzip.compress(b"a\n" + bytes(range(97, 122)) * 9, mtime=0)[:-9],
            {},
            "r.csv.gz: can't be read: Compressed file ended before the end-of-stream marker was "
            "reached\n  fix: check the file and its suffix, or pack it again",
        ),
        (
            "r.tsv",
            b"version https://git-lfs.github.com/spec/v1\n",
            {},
            "r.tsv: is a pointer of Git LFS, not text\n  fix: fetch the file itself: git lfs pull",
        ),
        (
            "r.csv",
            b"a\rb\n",
            {"quoting": "none"},
            "r.csv:1: a bare carriage return between two fields\n"
            "  fix: save the file with LF or CRLF line ends",
        ),
        (
            "r.csv",
            b'a, b\n1, "x, y"\n',
            {},
            "r.csv:2: 3 fields, but the header has 2; the last is ' y\"'\n  fix: the columns are "
            "a,  b; remove the space between the delimiter and a field in double quotes",
        ),
        (
            "r.csv",
            b"\n<!DOCTYPE html>\n<html>\n",
            {},
            "r.csv: is a page of a web site, not text\n  fix: download the file itself",
        ),
        (
            "r.csv",
            b"i,,a\n1,x,y\n",
            {},
            "r.csv:1: column 2 has no name\n"
            "  fix: name it, or list the columns to read: `columns: [i, a]`",
        ),
    ],
)
def test_a_table_that_can_not_be_read_is_named(name, content, settings, expected, refusal_of):
    assert refusal_of(name, content, **settings) == expected
