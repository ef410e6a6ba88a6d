#!/usr/bin/env python3
"""Holds coffer_decode.py against the test vectors that belong to FORMAT.md, in operator/mover/tests/data."""

import hashlib
import json
import sys
from pathlib import Path

from coffer_decode import (
    ENTRY, READABLE, Damaged, Fold, Identity, Newer, Sealed, Vault, digest, document_of, hkdf, known, owner_key,
)

DATA = Path(__file__).resolve().parents[2] / "operator/mover/tests/data"


def expect(found, expected, what):
    if found != expected:
        sys.exit(f"check_vectors: {what}: {found!r} instead of {expected!r}")


def refused(work, error, what):
    try:
        work()
    except Damaged as problem:
        expect(type(problem), error, what)
        return
    sys.exit(f"check_vectors: {what} was not refused")


def envelopes():
    data = json.loads((DATA / "envelope.json").read_text())
    key, ids = bytes.fromhex(data["key"]), {name: bytes.fromhex(data[name]) for name in ("vault", "chain", "point", "writer")}
    for vector in data["vectors"]:
        chain = ids["chain"] if vector["chain"] else bytes(16)

        def opened(stored):
            place = (vector["name"], stored, key, vector["kind"], ids["vault"])
            return Sealed(*place, vector["number"], ids["point"], chain, ids["writer"]).records()

        stored = bytes.fromhex(vector["stored"])
        expect([plain.hex() for plain in opened(stored)], vector["plain"], vector["name"])
        refused(lambda: list(opened(stored[:-1])), Damaged, f"{vector['name']}, cut")
        refused(lambda: list(opened(stored[:8] + b"\2" + stored[9:])), Newer, f"{vector['name']} as format 2")
        refused(lambda: list(opened(stored[:10] + b"\7" + stored[11:])), Newer, f"{vector['name']} of suite 7")
    return len(data["vectors"])


def keys(data):
    vault, wrapped = bytes.fromhex(data["vault"]), data["keys"]
    identity = Identity("# a comment\n" + wrapped["identity"] + "\n")
    for name, file in wrapped["files"].items():
        expect(identity.unwrap(bytes.fromhex(file)).hex(), wrapped["plaintexts"][name], f"the {name} key file")
    expect(hashlib.sha256(wrapped["recipient"].encode()).digest()[:8].hex(), wrapped["tag"], "the recipient's tag")
    for vector in data["pointIds"]:
        found = hashlib.sha256(b"coffer/1 point" + vault + vector["run"].encode()).hexdigest()[:32]
        expect(found, vector["point"], f"the point of run {vector['run']}")
    reader = Vault.__new__(Vault)
    reader.id, reader.catalogue = vault, bytes.fromhex(data["catalogueKey"])
    expect(reader.fingerprint(), data["fingerprint"], "the fingerprint")
    return len(wrapped["files"]) + len(data["pointIds"]) + 2


def digests(data):
    for vector in data["rowDigests"]:
        rows = [bytes.fromhex(row) for row in vector["rows"]]
        expect(digest(vector["digest"]["format"], rows), vector["digest"], "a row digest")
    return len(data["rowDigests"])


def ledger(data, stored_ledger):
    vault, catalogue = bytes.fromhex(data["vault"]), bytes.fromhex(data["catalogueKey"])
    key = hkdf(catalogue, b"", b"coffer/1 ledger" + vault)
    fold, previous = Fold(), bytes(32)
    for sequence, stored in enumerate(map(bytes.fromhex, stored_ledger["entries"]), 1):
        entry = Sealed(f"ledger/{sequence:016}", stored, key, ENTRY, vault, sequence).document()
        expect((entry["sequence"], entry["previous"]), (sequence, previous.hex()), "a link of the ledger")
        previous = hashlib.sha256(stored).digest()
        for promise in entry["promises"]:
            expect(promise["kind"] in READABLE, True, f"the kind {promise['kind']}")
            fold.take(promise)
    expect(stored_ledger["head"], {"sequence": sequence, "hash": previous.hex()}, "the ledger's head")
    points = fold.told()
    expect(len(points), len(stored_ledger["points"]), "the number of the ledger's points")
    for point in stored_ledger["points"]:
        expect({name: points[point["id"]][name] for name in point}, point, "a point of the ledger")
    for owner in stored_ledger.get("owners", []):
        found = fold.owners[owner_key(owner["owner"])]
        expect({name: found[name] for name in owner}, owner, "an owner of the ledger")
    expect(fold.pledges, stored_ledger.get("pledges", {"softDeleteDays": None}), "the ledger's pledges")
    return sequence


def documents(data):
    for vector in data["documents"]:
        document_of(vector["kind"], json.dumps(vector["document"]))
    refused(lambda: document_of("a document", '{"format":2}'), Newer, "a document of format 2")
    refused(lambda: known("a manifest", "graphs", ("tables",)), Newer, "a word that is not known")
    return len(data["documents"])


def main():
    data = json.loads((DATA / "vectors.json").read_text())
    counted = [envelopes(), keys(data), digests(data), documents(data)]
    counted += [ledger(data, data[name]) for name in ("ledger", "ownersLedger")]
    print(f"the decoder holds against {sum(counted)} test vectors")


if __name__ == "__main__":
    main()
