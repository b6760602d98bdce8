"""Who called becomes a keyed hash at the edge: the same caller stays the same, nobody can be called back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path

import msgspec

from exporter.payload import ExporterError
from exporter.sources.translation import Translated
from voice_slo.events import Event, Ids

KEY_BYTES = 32
_SHORTEST_KEY = 16
_LONGEST_KEY = 64
"""blake2b takes no longer key."""
HASH_BYTES = 8
"""16 hex digits: among a million callers two collide with a chance of one in forty million."""

_PHONE = re.compile(r"(?:(?:tel|sips?):)?\+?[\d\s().-]{7,30}(?:[@;].*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_INTERNATIONAL = re.compile(r"(?<!\d)\+\d{7,15}(?!\d)", re.ASCII)
_WITHHELD = frozenset(
    ("anonymous", "unknown", "private", "restricted", "withheld", "unavailable", "blocked", "no caller id")
)


class KeyFileError(ExporterError):
    """The key file cannot be used as it is."""


def load_or_create_key(path: Path) -> bytes:
    """The key of the caller hash; made with mode 0600 where there is none. Raises `KeyFileError`.

    Losing or changing the key only means that callers of before and after are not recognised as the same.
    """
    try:
        return _read_key(path)
    except FileNotFoundError:
        pass
    except OSError as e:
        raise KeyFileError(f"{path}: cannot be read: {e.strerror}") from None
    try:
        _write_key(path)
    except OSError as e:
        raise KeyFileError(f"{path}: cannot be made: {e.strerror}") from None
    return _read_key(path)


def _write_key(path: Path) -> None:
    """Complete or not there at all, also after a crash; one that another process made first stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(os.urandom(KEY_BYTES).hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_key(path: Path) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise KeyFileError(f"{path}: others may read it; chmod 600 it")
        text = file.read(4096).strip()
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise KeyFileError(f"{path}: is not a key of {_SHORTEST_KEY} to {_LONGEST_KEY} bytes in hexadecimal")
    return key


def protect(translated: Translated, key: bytes) -> Translated:
    """The same events without a phone number in `caller`, in the call's ids or in the event's own id."""
    protect_one = cache(partial(protect_id, key=key))
    return replace(translated, events=tuple(_protected(event, key, protect_one) for event in translated.events))


def protect_id(value: str, key: bytes) -> str:
    """An id as it is stored: hashed where it is, or carries, a phone number. Look-ups of a call go through this."""
    return _hash("id", _digits(value) or value, key) if _carries_number(value) else value


def hash_caller(caller: str, key: bytes) -> str | None:
    """One hash for every spelling of a number; None where the caller withheld it."""
    if not caller.strip() or caller.strip().lower() in _WITHHELD:
        return None
    return _hash("caller", _digits(caller) or caller, key)


def _protected(event: Event, key: bytes, protect_one: Callable[[str], str]) -> Event:
    changes: dict[str, object] = {}
    if event.caller is not None:
        changes["caller"] = hash_caller(event.caller, key)
    _change(changes, "call", event.call, protect_one)
    _change(changes, "id", event.id, protect_one)
    if event.ids is not None:
        ids = _protected_ids(event.ids, protect_one)
        if ids is not event.ids:
            changes["ids"] = ids
    return msgspec.structs.replace(event, **changes) if changes else event


def _protected_ids(ids: Ids, protect_one: Callable[[str], str]) -> Ids:
    changes: dict[str, object] = {}
    for name, value in ids.pairs():
        _change(changes, name, value, protect_one)
    return msgspec.structs.replace(ids, **changes) if changes else ids


def _change(changes: dict[str, object], name: str, value: str | None, protect_one: Callable[[str], str]) -> None:
    if value is not None and (protected := protect_one(value)) != value:
        changes[name] = protected


def _carries_number(value: str) -> bool:
    return ("+" in value and _INTERNATIONAL.search(value) is not None) or _digits(value) is not None


def _digits(value: str) -> str | None:
    """The digits of a text that is a phone number and nothing else."""
    if _PHONE.fullmatch(value.strip()) is None:
        return None
    digits = "".join(c for c in re.split("[@;]", value)[0] if c.isdigit())
    return digits if 7 <= len(digits) <= 15 else None


def _hash(purpose: str, text: str, key: bytes) -> str:
    return blake2b(
        text.encode("utf-8", "surrogatepass"), key=key, digest_size=HASH_BYTES, person=purpose.encode()
    ).hexdigest()
