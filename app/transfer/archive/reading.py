"""Reading an archive from an untrusted origin: everything in it is checked before use.

Nothing is unpacked onto the disk, names are looked up and never followed, and no more is held in memory than a line.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from app.errors import Invalid
from app.text import clean
from app.transfer.archive.format import FOLLOWS, MANIFEST, PAGE, POST_REVISIONS, TABLES, TEXTS
from app.transfer.archive.writing import FORMAT, VERSION

LARGEST_ARCHIVE = 2 * 1024**3
LARGEST_UNPACKED = 8 * 1024**3
LARGEST_MANIFEST = 64 * 1024
LARGEST_DIRECTORY = 64 * 1024
LONGEST_LINE = 4 * 1024**2
FILES = (PAGE, *(table.file for table in TABLES))
OPTIONAL = {FOLLOWS.file, POST_REVISIONS.file, *(table.file for table in TEXTS)}
"""What archives of earlier versions don't have."""

DAMAGED = "It is damaged or incomplete. Copy it again, or make another with candor archive."
_END = struct.Struct("<4s4H2LH")
_END_64 = b"PK\x06\x07"
_IS_ENCRYPTED = 0x1

FORMERLY: Mapping[str, Mapping[str, str]] = {PAGE: {"host": "feed_authority", "audience": "visibility"}}
"""What columns were called in older archives, by file: a line is read with the names of today."""

ArchiveLine = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself."""

    page_id: str
    page_name: str
    key_check: str
    rows: Mapping[str, int]
    hashes: Mapping[str, str]


class Archive:
    """An archive that is open."""

    def __init__(self, name: str, unpacked: ZipFile) -> None:
        self._name = name
        self._zip = unpacked
        self._check_entries()
        self.manifest = self._manifest()

    def refuse(self, why: str) -> NoReturn:
        """Raises Invalid with a sentence that names the archive."""
        raise Invalid(f"Can't import {self._name}: {why}")

    def page(self) -> dict[str, Any]:
        """What it says of the page.  Raises Invalid."""
        found = [row for _, row in self.lines(PAGE)]
        if len(found) != 1:
            self.refuse(f"{PAGE} should have one line.")
        return found[0]

    def lines(self, file: str) -> Iterator[ArchiveLine]:
        """Each line of a file with its number, as it is read; none of one that it may go without.

        Raises:
            Invalid: it is damaged, or not what the manifest says.
        """
        if file not in self.manifest.rows:
            return
        hashed, number = hashlib.sha256(), 0
        with self._opened(file) as opened:
            while raw := self._read(opened, file, number):
                number += 1
                hashed.update(raw)
                names = FORMERLY.get(file, {})
                row = self._parsed(raw, f"{file}, line {number}")
                yield number, {names.get(key, key): value for key, value in row.items()}
        if number != self.manifest.rows[file] or hashed.hexdigest() != self.manifest.hashes[file]:
            self.refuse(f"{file} doesn't match the manifest. {DAMAGED}")

    def _read(self, opened: BinaryIO, file: str, number: int) -> bytes:
        try:
            raw = opened.readline(LONGEST_LINE + 1)
        except (BadZipFile, zlib.error, EOFError, OSError):
            self.refuse(f"{file} can't be unpacked. {DAMAGED}")
        if len(raw) > LONGEST_LINE or (raw and number >= self.manifest.rows[file]):
            self.refuse(f"{file} contains more than the manifest says, or a line that is too long.")
        return raw

    def _parsed(self, raw: bytes, where: str) -> dict[str, Any]:
        try:
            row = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            self.refuse(f"{where} isn't valid JSON.")
        if not isinstance(row, dict):
            self.refuse(f"{where} isn't an object.")
        return row

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        try:
            member = self._zip.open(name)
        except (BadZipFile, KeyError, NotImplementedError, RuntimeError, OSError, ValueError):
            self.refuse(f"{name} can't be unpacked. {DAMAGED}")
        with member:
            yield cast(BinaryIO, BufferedReader(member))  # reads lines much faster than the member does

    def _check_entries(self) -> None:
        """Every file that belongs there, once, and nothing else."""
        entries = self._zip.infolist()
        names = [entry.filename for entry in entries]
        if MANIFEST not in names:
            self.refuse("it has no manifest.json, so candor archive did not write it.")
        strange = [name for name in names if name not in {MANIFEST, *FILES}]
        if strange or len(set(names)) != len(names):
            shown = clean(strange[0])[:80] if strange else "the same file twice"
            self.refuse(f"it holds “{shown}”, which isn't part of this version's archives.")
        missing = [name for name in FILES if name not in {*names, *OPTIONAL}]
        if missing:
            self.refuse(f"it has no {missing[0]}. {DAMAGED}")
        if any(_is_odd(entry) for entry in entries):
            self.refuse("it uses a compression that candor archive doesn't.")
        if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
            self.refuse("unpacked it would be larger than 8 GB.")

    def _manifest(self) -> Manifest:
        if self._zip.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
            self.refuse("its manifest is too large.")
        with self._opened(MANIFEST) as opened:
            try:
                raw = opened.read(LARGEST_MANIFEST)
            except (BadZipFile, zlib.error, EOFError, OSError):
                self.refuse(f"{MANIFEST} can't be unpacked. {DAMAGED}")
        facts = self._parsed(raw, MANIFEST)
        if facts.get("format") != FORMAT:
            self.refuse("its manifest isn't from candor archive.")
        version = facts.get("version")
        if type(version) is not int or version < 1:
            self.refuse("its manifest has no version.")
        if version > VERSION:
            self.refuse(
                f"its format is version {version}, and this Candor reads up to {VERSION}. Upgrade Candor first."
            )
        return self._read_manifest(facts)

    def _read_manifest(self, facts: dict[str, Any]) -> Manifest:
        said = "its manifest is incomplete."
        try:
            page, files = facts["page"], facts["files"]
            there = [name for name in FILES if name in files or name not in OPTIONAL]
            rows = {name: files[name]["rows"] for name in there}
            hashes = {name: files[name]["sha256"] for name in there}
            words = (page["id"], page["name"], facts["key_check"], *hashes.values())
        except (KeyError, TypeError):
            self.refuse(said)
        if not all(type(one) is int for one in rows.values()) or not all(isinstance(word, str) for word in words):
            self.refuse(said)
        return Manifest(words[0], clean(words[1])[:200], words[2], rows, hashes)


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at `path`.

    Raises:
        Invalid: it is none, is damaged, or is of a newer version.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise Invalid(f"Can't read {path}: {error.strerror}.") from None
    with file:
        _check_end(path, file)
        try:
            unpacked = ZipFile(file)
        except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
            raise Invalid(f"Can't import {path}. {DAMAGED}") from None
        with unpacked:
            yield Archive(path.name, unpacked)


def _check_end(path: Path, file: BinaryIO) -> None:
    """Look at the directory's size before it is read into memory.  Raises Invalid."""
    size = file.seek(0, 2)
    if size > LARGEST_ARCHIVE:
        raise Invalid(f"{path} is larger than 2 GB, so it isn't an archive.")
    before = min(size, _END.size + 20)
    file.seek(size - before)
    tail = file.read(before)
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\x05\x06":
        raise Invalid(f"{path} isn't an archive that candor archive made. {DAMAGED}")
    end = _END.unpack(tail[-_END.size :])
    if end[5] > LARGEST_DIRECTORY or end[7] or tail.startswith(_END_64):
        raise Invalid(f"{path} uses a compression that candor archive doesn't.")
    file.seek(0)


def _is_odd(entry: ZipInfo) -> bool:
    is_packed = entry.compress_type in {ZIP_DEFLATED, ZIP_STORED}
    return not is_packed or bool(entry.flag_bits & _IS_ENCRYPTED)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError
