from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_slo import yaml_source
from voice_slo.yaml_source import Mapping, Scalar, Sequence


def problems(data: bytes | str, *, pure: bool = False) -> list[str]:
    source = yaml_source.parse("f", data.encode() if isinstance(data, str) else data, pure=pure)
    return [str(problem) for problem in source.problems]


def scalar(text: str) -> Scalar:
    source = yaml_source.parse("f", f"key: {text}".encode())
    assert source.problems == ()
    assert isinstance(source.root, Mapping)
    value = source.root.entries[0][1]
    assert isinstance(value, Scalar)
    return value


def test_nodes_carry_their_position_counted_from_1() -> None:
    source = yaml_source.parse("f", b"a: 1\nb:\n  - x\n  - {c: 'd'}\n")
    assert source.root == Mapping(
        (
            (Scalar("a", "text", True, 1, 1), Scalar("1", "number", True, 1, 4)),
            (
                Scalar("b", "text", True, 2, 1),
                Sequence(
                    (
                        Scalar("x", "text", True, 3, 5),
                        Mapping(((Scalar("c", "text", True, 4, 6), Scalar("d", "text", False, 4, 9)),), 4, 5),
                    ),
                    3,
                    3,
                ),
            ),
        ),
        1,
        1,
    )


@pytest.mark.parametrize(
    "text",
    ["10:30", "012", "0o17", "0x1F", "0b1", "1e3", "1_000", ".5", "-1.5", "+3", ".inf", "-.inf", ".nan", "190:20:30"],
)
def test_what_some_yaml_reader_takes_for_a_number_keeps_its_text(text: str) -> None:
    assert (scalar(text).text, scalar(text).kind) == (text, "number")


@pytest.mark.parametrize("text", ["99.5%", "1.2s", "4000/d", "$threshold", "2026-11-02T10:00:00Z", "1.2.3", "e3", "📞"])
def test_everything_else_is_text(text: str) -> None:
    assert (scalar(text).text, scalar(text).kind) == (text, "text")
    assert (scalar(f'"{text}"').text, scalar(f'"{text}"').kind) == (text, "text")


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_null(text: str) -> None:
    assert scalar(text).kind == "null"


def test_true_and_false_are_the_only_booleans() -> None:
    assert scalar("true").kind == scalar("false").kind == "boolean"
    assert scalar('"true"').kind == scalar('"no"').kind == "text"


@pytest.mark.parametrize(
    ("text", "meant"),
    [("yes", "true"), ("No", "false"), ("on", "true"), ("OFF", "false"), ("y", "true"), ("N", "false"),
     ("True", "true"), ("FALSE", "false")],
)  # fmt: skip
def test_words_that_only_some_readers_take_for_booleans_are_refused(text: str, meant: str) -> None:
    assert problems(f"a: {text}\n") == [f'f:1:4: a: {text} is ambiguous; write {meant}, or "{text}" for the text']


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["f:1:1: the file is empty"]),
        (b"# nothing\n", ["f:1:1: the file is empty"]),
        (b"a: 1\na: 2\n", ["f:2:1: a: duplicate key; the first is in line 1"]),
        (b"a: {b: 1, b: 2}\n", ["f:1:11: a.b: duplicate key; the first is in line 1"]),
        (b'a: 1\n"a": 2\n', ["f:2:1: a: duplicate key; the first is in line 1"]),
        (b"a: &x 1\n", ["f:1:4: a: anchors (&x) are not allowed"]),
        (b"a: *x\n", ["f:1:4: a: aliases (*x) are not allowed; write the value out"]),
        (b"a: !!str 1\n", ["f:1:4: a: tags (tag:yaml.org,2002:str) are not allowed"]),
        (b"a: !x [1]\n", ["f:1:4: a: tags (!x) are not allowed"]),
        (b"[1]: 2\n", ["f:1:1: a key has to be text"]),
        (b"1: 2\n", ['f:1:1: the key "1" is not text; put it in quotes']),
        (b"a: 1\n---\nb: 2\n", ["f:2:1: a second document begins; a file holds one"]),
        (b"%YAML 1.1\n---\na: 1\n", ["f:1:1: YAML directives are not allowed"]),
        (b"a:\n\t- b\n", ["f:2:1: a tab cannot indent here; use spaces"]),
        (b"a: b\x00c\n", ["f:1:5: the character U+0000 is not allowed"]),
        (b"a: \xef\xbb\xbf\n", ["f:1:4: the character U+FEFF is not allowed"]),
        (b"a: caf\xe9\n", ["f:1:7: byte 0xe9 is not UTF-8"]),
        ("a: \u00e9\nb: 1\n".encode("utf-16"), ["f:1:1: byte 0xff is not UTF-8"]),
        (b"- " + b"[" * 100_000, ["f:1:34: nested deeper than 32 levels"]),
        (b"- " * 400_000, ["f:1:65: nested deeper than 32 levels"]),
        (b"[" + b"1," * 200_000, ["f:1:200000: more than 100000 values in one file"]),
        (b"#" * (1024 * 1024 + 1), ["f:1:1: the file has 1048577 bytes; at most 1048576 (1 MiB) are read"]),
    ],
)
def test_what_is_refused(data: bytes, expected: list[str], pure: bool) -> None:
    assert problems(data, pure=pure) == expected


def test_what_leaves_the_rest_readable_is_reported_together() -> None:
    data = "a: no\nb: &x [yes, *x]\nb: 1\n3: !t c\n"
    assert problems(data) == [
        'f:1:4: a: no is ambiguous; write false, or "no" for the text',
        "f:2:4: b: anchors (&x) are not allowed",
        'f:2:8: b[0]: yes is ambiguous; write true, or "yes" for the text',
        "f:2:13: b[1]: aliases (*x) are not allowed; write the value out",
        "f:3:1: b: duplicate key; the first is in line 2",
        'f:4:1: the key "3" is not text; put it in quotes',
        "f:4:4: ?: tags (!t) are not allowed",
    ]


def test_a_thousand_problems_are_enough() -> None:
    found = problems("a: 1\n" * 50_000)
    assert len(found) == 1001
    assert found[-1] == "f:1001:1: 1000 problems so far; the rest of the file is not checked"


def test_an_alias_bomb_does_not_grow() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    source = yaml_source.parse("bomb", "\n".join(["a0: &a0 lol", *levels]).encode())
    assert len(source.problems) == 30 + 29 * 9


def test_line_ends_and_a_byte_order_mark_move_no_position() -> None:
    unix = yaml_source.parse("f", b"a: 1\nb: [x]\n")
    assert yaml_source.parse("f", b"a: 1\r\nb: [x]\r\n").root == unix.root
    assert yaml_source.parse("f", b"\xef\xbb\xbfa: 1\nb: [x]\n").root == unix.root


def test_columns_count_characters() -> None:
    assert problems('"📞é": [1, no]\n') == ['f:1:11: 📞é[1]: no is ambiguous; write false, or "no" for the text']


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    source = yaml_source.parse("f", data)
    assert source.root is not None or source.problems


@given(st.text(alphabet="ab:-,[]{}'\"#&*!|>%@`?~ \n\t01.\\", max_size=60))
def test_both_parsers_agree_on_trees(text: str) -> None:
    fast, pure = (yaml_source.parse("f", text.encode(), pure=pure) for pure in (False, True))
    # Of a document that holds nothing the parsers tell different places; what is wrong with it is told elsewhere.
    empty = isinstance(fast.root, yaml_source.Scalar) and not fast.root.text
    if fast.root is not None and pure.root is not None and not empty:
        assert fast == pure


def test_a_file_of_several_documents_keeps_their_places() -> None:
    found = yaml_source.parse_documents("f", b"---\na: 1\n---\n- x\n")
    assert [(type(root).__name__, root.line, root.column) for root in found.roots] == [
        ("Mapping", 2, 1),
        ("Sequence", 4, 1),
    ]
    assert found.problems == ()


def test_the_first_problem_of_any_document_hides_all() -> None:
    found = yaml_source.parse_documents("f", b"a: 1\n---\nb: [\n")
    assert found.roots == ()
    assert len(found.problems) == 1
    assert str(yaml_source.parse_documents("f", b"").problems[0]) == "f:1:1: the file is empty"


def test_the_limits_are_those_of_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "MAX_NODES", 3)
    (problem,) = yaml_source.parse_documents("f", b"a: 1\n---\na: 1\n").problems
    assert problem.message == "more than 3 values in one file"
