#!/usr/bin/env python3
"""Writes operator/mover/tests/data/envelope.json: sealed objects made by this file alone, from FORMAT.md.

They are made once and kept: every later version must open them. Run only to add vectors to a new format.
"""

import hashlib
import json
import struct
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from coffer_decode import MAGIC, hkdf

IDS = {name: bytes([number]) * 16 for number, name in enumerate(("vault", "chain", "point", "writer"), 0xA1)}
KEY = bytes(range(32))
SALT = bytes(range(100, 132))


def seal(suite, kind, number, chain, record_kind, records):
    ids = [IDS["vault"], IDS["chain"] if chain else bytes(16), IDS["point"], IDS["writer"]]
    return seal_with(KEY, SALT, suite, kind, number, ids, record_kind, records)


def seal_with(key, salt, suite, kind, number, ids, record_kind, records):
    derived = hkdf(key, salt, b"coffer/1" + bytes([kind]), 64)
    header = struct.pack("<8sHBBIQ", MAGIC, 1, suite, kind, 0, number) + b"".join(ids) + salt + derived[32:]
    assert len(header) == 152
    aead = (AESGCM if suite == 1 else ChaCha20Poly1305)(derived[:32])
    binding, out = hashlib.sha256(header).digest(), header
    frames = [(0, record_kind, codec, plain) for codec, plain in records] + [(1, 0, 0, b"")]
    for counter, (flags, what, codec, plain) in enumerate(frames):
        encoded = zstandard.ZstdCompressor(level=1).compress(plain) if codec else plain
        bound = binding + struct.pack("<QBBBBI", counter, flags, what, codec, 0, len(plain))
        sealed = aead.encrypt(counter.to_bytes(12, "big"), encoded, bound)
        out += struct.pack("<BBBBII", flags, what, codec, 0, len(plain), len(sealed)) + sealed
    return out


def vector(name, suite, kind, number, chain, record_kind, records):
    stored = seal(suite, kind, number, chain, record_kind, records)
    plain = [plain.hex() for _, plain in records]
    raw = all(codec == 0 for codec, _ in records)
    return {
        "name": name, "suite": suite, "kind": kind, "number": number, "chain": chain,
        "plain": plain, "reproducible": raw, "stored": stored.hex(),
    }


def main():
    noise = hashlib.shake_128(b"noise").digest(300)
    vectors = [
        vector("a pack of two frames that do not compress", 1, 1, 7, True, 2, [(0, noise), (0, noise[::-1])]),
        vector("a pack of a compressed and a plain frame", 1, 1, 8, True, 2, [(1, b"row\n" * 1000), (0, noise)]),
        vector("the same with ChaCha20-Poly1305", 2, 1, 9, True, 2, [(1, b"row\n" * 1000), (0, noise)]),
        vector("a pack without frames", 1, 1, 10, True, 2, []),
        vector("a schema stream", 1, 2, 11, True, 3, [(0, noise)]),
        vector("a void", 2, 8, 0, False, 1, [(1, b'{"format":1,"reason":"' + b"x" * 100 + b'"}')]),
    ]
    data = {
        "key": KEY.hex(), "salt": SALT.hex(), **{name: value.hex() for name, value in IDS.items()},
        "ledgerKey": hkdf(KEY, b"", b"coffer/1 ledger" + IDS["vault"]).hex(),
        "recordKey": hkdf(
            KEY, b"", b"coffer/1 record" + IDS["vault"] + IDS["point"] + IDS["writer"]
        ).hex(),
        "chainCommitment": hkdf(KEY, b"", b"coffer/1 chain commitment" + IDS["vault"] + IDS["chain"]).hex(),
        "vectors": vectors,
    }
    target = Path(__file__).resolve().parents[2] / "operator/mover/tests/data/envelope.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
