"""Nobody can be called back: callers and phone-shaped ids become keyed hashes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from exporter.access import Access, TokenFileError, read_tokens
from exporter.privacy import KeyFileError, hash_caller, load_or_create_key, protect, protect_id
from exporter.sources.translation import Translated
from voice_slo.events import Ids, Tag, encode

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@pytest.mark.parametrize(
    "spelling", ["+15550100001", "15550100001", "+1 (555) 010-0001", "tel:+15550100001", "sip:+15550100001@example.com"]
)
def test_every_spelling_of_a_number_is_one_caller(spelling: str) -> None:
    hashed = hash_caller(spelling, KEY)
    assert hashed == hash_caller("+15550100001", KEY)
    assert hashed is not None
    assert len(hashed) == 16
    assert int(hashed, 16)


def test_callers_differ_by_number_by_key_and_from_ids() -> None:
    hashes = {
        hash_caller("+15550100001", KEY), hash_caller("+15550100002", KEY), hash_caller("+15550100001", OTHER_KEY),
        hash_caller("customer-7", KEY), protect_id("+15550100001", KEY),
    }  # fmt: skip
    assert len(hashes) == 5


@pytest.mark.parametrize("word", ["anonymous", "Unknown", " withheld ", ""])
def test_a_withheld_number_is_no_caller(word: str) -> None:
    assert hash_caller(word, KEY) is None


@pytest.mark.parametrize(
    "id_", ["+15550100001", "15550100001", "555-010-0001", "sip:+15550100001@example.com", "call-_+15550100001_x7"]
)
def test_ids_that_carry_a_number_are_hashed(id_: str) -> None:
    assert len(protect_id(id_, KEY)) == 16
    assert protect_id(id_, KEY) != id_


@pytest.mark.parametrize(
    "id_",
    ["RM_369664c611c4", "7a08e7e68f81b613bb464a6519bc0e9e", "CA00000000000000000000000000000001", "call-7", "1042",
     "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331", "1-2+3@example.com", "12345678901234567890"],
)  # fmt: skip
def test_other_ids_stay(id_: str) -> None:
    assert protect_id(id_, KEY) == id_


def test_events_leave_without_a_number() -> None:
    number = "+15550100001"
    event = Tag(
        at=1.0, call=number, id=f"{number}:1", caller=number, name="vip", ids=Ids(sip=f"{number}@sip.example.com")
    )
    plain = Tag(at=1.0, call="c", name="vip", ids=Ids(room="RM_1"))
    translated = Translated((event, plain), dropped={"x": 1}, positions=(0, 1))
    safe = protect(translated, KEY)
    assert b"555010" not in b"".join(encode(e) for e in safe.events)
    assert safe.events[0].call == protect_id(number, KEY)
    assert safe.events[0].caller == hash_caller(number, KEY)
    assert safe.events[1] is plain
    assert (safe.dropped, safe.positions) == ({"x": 1}, (0, 1))


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "caller.key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(path) == key
    assert [p.name for p in tmp_path.iterdir()] == ["caller.key"]


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("6b" * 32, 0o644, "others may read it; chmod 600 it"),
        ("", 0o600, "is not a key of 16 to 64 bytes in hexadecimal"),
        ("6b" * 15, 0o600, "is not a key of 16 to 64 bytes in hexadecimal"),
        ("6b" * 65, 0o600, "is not a key of 16 to 64 bytes in hexadecimal"),
        ("not hex, é", 0o600, "is not a key of 16 to 64 bytes in hexadecimal"),
    ],
)
def test_a_key_that_cannot_be_used(tmp_path: Path, text: str, mode: int, message: str) -> None:
    path = tmp_path / "caller.key"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(KeyFileError) as error:
        load_or_create_key(path)
    assert str(error.value) == f"{path}: {message}"


def test_a_key_that_cannot_be_made(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "caller.key"
    with pytest.raises(KeyFileError) as error:
        load_or_create_key(path)
    assert str(error.value) == f"{path}: cannot be made: No such file or directory"


@pytest.mark.parametrize(
    ("header", "allowed"),
    [(b"Bearer new-token-0123456", True), (b"bearer  old-token-0123456 ", True), (b"Basic old-token-0123456", False),
     (b"Bearer new-token-012345", False), (b"Bearer", False), (b"", False), (None, False), (b"Bearer \xff", False)],
)  # fmt: skip
def test_tokens(tmp_path: Path, header: bytes | None, allowed: bool) -> None:
    path = tmp_path / "token"
    path.write_text("# while one replaces the other\nnew-token-0123456\n\n old-token-0123456 \n")
    assert Access(read_tokens(path)).allows(header) is allowed
    assert Access().allows(header)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no token"), ("# none\n", "holds no token"), ("short\n", "a token has to have 16 characters or more")],
)
def test_token_files_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(TokenFileError) as error:
        read_tokens(path)
    assert str(error.value) == f"{path}: {message}"


def test_a_missing_token_file(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError, match="cannot be read: No such file or directory"):
        read_tokens(tmp_path / "token")
