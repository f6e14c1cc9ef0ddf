"""Write and read uncompressed ZIP files whose members can be mapped into memory."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from sklearn_recsketch.exceptions import ModelFileError

__all__ = ["ALIGNMENT", "Member", "MemberWriter", "read_directory"]

ALIGNMENT = 64  # bytes; a cache line, and the alignment of the data in .npy files
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
ZIP64_EXTRA = 20  # bytes that zipfile adds to a local header for sizes above 4 GiB
PADDING_ID = 0xD935  # extra field for alignment, as zipalign writes it


class Member(NamedTuple):
    """Place of a member in the file.

    Attributes
    ----------
    offset, size : int
        Position and length of the contents, in bytes.
    crc : int
        CRC-32 of the contents, as noted in the directory of the ZIP file.
    """

    offset: int
    size: int
    crc: int


class MemberWriter:
    """Write the members of a ZIP file one after another. Equal members give equal files."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._archive = ZipFile(file, "w", ZIP_STORED)

    def add(self, name: str, chunks: Iterable[Any]) -> int:
        """Write a member at an aligned position, and return its CRC-32.

        `chunks` holds the contents as bytes or as contiguous arrays of bytes.
        """
        info = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every platform
        unpadded = self._file.tell() + LOCAL_HEADER.size + len(name) + ZIP64_EXTRA + 4
        padding = -unpadded % ALIGNMENT
        info.extra = struct.pack("<HH", PADDING_ID, padding) + bytes(padding)
        with self._archive.open(info, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
        info.extra = b""  # the directory needs no padding
        return int(info.CRC)

    def close(self) -> None:
        """Write the directory of the ZIP file. The file itself stays open."""
        self._archive.close()


def read_directory(file: BinaryIO, file_size: int) -> dict[str, Member]:
    """Read the directory of a ZIP file, and check that its members are as `MemberWriter` writes them.

    Raises
    ------
    ModelFileError
        If the file is no complete ZIP file, if a member is compressed, encrypted, repeated or has a path as its name,
        or if members overlap or have gaps between them.
    """
    try:
        infos = ZipFile(file).infolist()
    except Exception as error:  # zipfile raises errors of many types for damaged files
        raise ModelFileError(f"it is not a complete ZIP file ({error}). The file may be truncated") from error
    members: dict[str, Member] = {}
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        name = info.filename
        if not NAME.fullmatch(name):
            raise ModelFileError(f"the name {name!r} of a member is not a plain file name")
        if name in members:
            raise ModelFileError(f"it has two members named {name!r}")
        if info.compress_type != ZIP_STORED or info.flag_bits or info.compress_size != info.file_size:
            raise ModelFileError(f"the member {name!r} is compressed or encrypted. Members must be stored as they are")
        if info.header_offset != end:
            raise ModelFileError(f"the member {name!r} overlaps another member, or there is a gap before it")
        offset = _contents_offset(file, info)
        end = offset + info.file_size
        if end > file_size:
            raise ModelFileError(f"the member {name!r} ends behind the end of the file")
        members[name] = Member(offset, info.file_size, info.CRC)
    return members


def _contents_offset(file: BinaryIO, info: ZipInfo) -> int:
    """Read the local header of a member, and return the position of its contents."""
    file.seek(info.header_offset)
    header, name = file.read(LOCAL_HEADER.size), info.filename.encode()
    if len(header) == LOCAL_HEADER.size:
        signature, *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
        if signature == b"PK\3\4" and name_length == len(name) and file.read(name_length) == name:
            return int(info.header_offset + LOCAL_HEADER.size + name_length + extra_length)
    raise ModelFileError(f"the header of the member {info.filename!r} is damaged")
