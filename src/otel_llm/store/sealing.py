"""How an entry of the content store is sealed: AES-256-GCM, in a module of its own because the
library takes 6 MB, which a collector that keeps no content is spared."""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


def seal(key: bytes, plain: bytes, about: bytes) -> bytes:
    """Return ``plain`` sealed under a key of 32 bytes, with ``about`` as authenticated data."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Return what was sealed. Raises ``ValueError`` when it, the key or ``about`` is another."""
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, about)
    except InvalidTag as error:
        raise ValueError("not what was sealed") from error
