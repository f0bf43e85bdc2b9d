"""Request bodies as they were before they were compressed, never beyond a limit.

The limit holds while decompressing, so that a small body that unpacks to gigabytes costs no more
than a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import zstandard

from ..errors import Malformed, TooLarge
from ..wire.deflate import DeflateError, decompressobj

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
"""``wbits`` of zlib."""
_MAX_WINDOW = 8 * 2**20
"""What every decoder should allow and none has to exceed (RFC 8878, 3.1.1.1.2)."""
_SLICE = 512

_HARMLESS_BYTES = 8 * 2**20
"""What a body may unpack to whatever its size is."""

Decoder = Callable[[bytes, int], bytes]


def unpacked_limit(size: int, limit: int, max_ratio: int) -> int:
    """Return how many bytes a compressed body of ``size`` may unpack to."""
    return min(limit, max(_HARMLESS_BYTES, size * max_ratio))


def of_message(message: bytes, limit: int) -> bytes:
    """Unpack a gRPC message whose encoding gRPC keeps to itself, by how it begins: no protobuf
    begins like gzip, and none of OTLP's like zlib; one that nevertheless does, by a field newer
    than ours, is no zlib further on. Raises as ``DECODERS`` do."""
    if message[:2] == b"\x1f\x8b":
        return _gzip(message, limit)
    if message[:1] == b"\x78" and int.from_bytes(message[:2]) % 31 == 0:
        with suppress(Malformed):
            return _all_of(*_inflate(message, _ZLIB, limit))
    return message


def _gzip(body: bytes, limit: int) -> bytes:
    """Unpack one or more gzip members."""
    whole = b""
    while body:
        part, body = _inflate(body, _GZIP, limit - len(whole))
        whole = whole + part if whole else part
    return whole


def _deflate(body: bytes, limit: int) -> bytes:
    """HTTP's ``deflate`` is the zlib format; some senders leave its header away."""
    is_zlib = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _all_of(*_inflate(body, _ZLIB if is_zlib else _RAW_DEFLATE, limit)) if body else b""


def _all_of(unpacked: bytes, rest: bytes) -> bytes:
    if rest:
        raise Malformed("there is more behind the compressed body")
    return unpacked


def _inflate(body: bytes, wbits: int, limit: int) -> tuple[bytes, bytes]:
    unpacker = decompressobj(wbits)
    try:
        part = unpacker.decompress(body, limit + 1)
    except DeflateError:
        raise Malformed("the body is not compressed as its header says") from None
    if len(part) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes when unpacked")
    if not unpacker.eof:
        raise Malformed("the compressed body ends too early")
    return part, unpacker.unused_data


def _identity(body: bytes, limit: int) -> bytes:
    return body


def _zstd(body: bytes, limit: int) -> bytes:
    """Unpack one or more zstd frames, a little at a time: 4 bytes may stand for 128 KiB."""
    whole: list[bytes] = []
    size = 0
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
    for at in range(0, len(body), _SLICE):
        rest = body[at : at + _SLICE]
        while rest:
            if unpacker.eof:
                unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
            part = _unzstd(unpacker, rest)
            rest = unpacker.unused_data
            whole.append(part)
            size += len(part)
            if size > limit:
                raise TooLarge(f"the body is larger than {limit} bytes when unpacked")
    if body and not unpacker.eof:
        raise Malformed("the compressed body ends too early")
    return b"".join(whole)


def _unzstd(unpacker: zstandard.ZstdDecompressionObj, packed: bytes) -> bytes:
    try:
        return unpacker.decompress(packed)
    except zstandard.ZstdError:
        raise Malformed("the body is not compressed as its header says") from None


DECODERS: Final[Mapping[str, Decoder]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
"""By ``Content-Encoding``. Each raises ``TooLarge`` beyond the limit, ``Malformed`` on garbage."""
