"""Request bodies as they were before they were compressed, never beyond a limit.

The limit holds while decompressing, so that a small body that unpacks to gigabytes costs no more
than a large one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

from ..errors import Malformed, TooLarge

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
"""``wbits`` of zlib."""

Decoder = Callable[[bytes, int], bytes]


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
    return _inflate(body, _ZLIB if is_zlib else _RAW_DEFLATE, limit)[0] if body else b""


def _inflate(body: bytes, wbits: int, limit: int) -> tuple[bytes, bytes]:
    unpacker = zlib.decompressobj(wbits)
    try:
        part = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise Malformed("the body is not compressed as its header says") from None
    if len(part) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes when unpacked")
    if not unpacker.eof:
        raise Malformed("the compressed body ends too early")
    return part, unpacker.unused_data


def _identity(body: bytes, limit: int) -> bytes:
    return body


DECODERS: Final[Mapping[str, Decoder]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
}
"""By ``Content-Encoding``. Each raises ``TooLarge`` beyond the limit, ``Malformed`` on garbage."""
