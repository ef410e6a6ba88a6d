#!/usr/bin/env python3
"""Writes operator/mover/tests/data/vectors.json: ids, names, wrapped keys, digests, documents and a ledger, made by this file
alone, from FORMAT.md.

They are made once and kept: every later version must read them. Run only to add vectors to a new format.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import xxhash
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coffer_decode import ENTRY, MAGIC, hkdf
from make_vectors import IDS, KEY, SALT, seal_with

VAULT, CHAIN, POINT, WRITER = (IDS[name] for name in ("vault", "chain", "point", "writer"))
ZEROS = "0" * 64
TIME = "2026-03-01T12:00:00.123456789Z"
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


# --- age, the writing half ---------------------------------------------------------------------------------------


def bech32(prefix, data):
    bits = value = 0
    values = []
    for byte in data:
        value, bits = value << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            values.append(value >> bits & 31)
    if bits:
        values.append(value << (5 - bits) & 31)
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values + [0] * 6
    check = 1
    for five in expanded:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ five
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    return prefix + "1" + "".join(LETTERS[five] for five in values + [check >> 5 * (5 - at) & 31 for at in range(6)])


def public(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


def age_file(recipient, plain, ephemeral=bytes(range(1, 33)), file_key=bytes(range(16)), nonce=bytes(range(50, 66))):
    """An age file with a stanza of an unknown type before the one that counts."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    share = public(private)
    secret = private.exchange(X25519PublicKey.from_public_bytes(recipient))
    wrap = hkdf(secret, share + recipient, b"age-encryption.org/v1/X25519")
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = "age-encryption.org/v1\n-> grease-type a b\nAAAA\n"
    header += f"-> X25519 {unpadded(share)}\n{unpadded(body)}\n---"
    mac = hmac.digest(hkdf(file_key, b"", b"header"), header.encode(), "sha256")
    payload = nonce + ChaCha20Poly1305(hkdf(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\x01", plain, None)
    return header.encode() + f" {unpadded(mac)}\n".encode() + payload


# --- ids, keys, digests -------------------------------------------------------------------------------------------


def point_ids():
    runs = ["9d0a4a64-3f7c-4f58-b7f8-0f3f1c9a0c11", "nightly", "ünïcode", ""]
    return [
        {"vault": VAULT.hex(), "run": run, "point": hashlib.sha256(b"coffer/1 point" + VAULT + run.encode()).hexdigest()[:32]}
        for run in runs
    ]


def fingerprint():
    commitment = hkdf(KEY, b"", b"coffer/1 catalogue commitment")
    text = base64.b32encode(hashlib.sha256(b"coffer/1 fingerprint" + VAULT + commitment).digest()).decode()
    text = text.rstrip("=").lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def key_plaintext(kind, number, key):
    return b"coffer-key/1" + bytes([kind]) + VAULT + number + key


def key_files():
    private = bytes(range(200, 232))
    recipient = public(X25519PrivateKey.from_private_bytes(private))
    text = bech32("age", recipient)
    epoch = (1).to_bytes(16, "big")
    plain = {"catalogue": key_plaintext(1, epoch, KEY), "chain": key_plaintext(2, CHAIN, KEY[::-1])}
    return {
        "identity": bech32("age-secret-key-", private).upper(),
        "recipient": text,
        "tag": hashlib.sha256(text.encode()).digest()[:8].hex(),
        "plaintexts": {name: content.hex() for name, content in plain.items()},
        "files": {name: age_file(recipient, content).hex() for name, content in plain.items()},
    }


def binary_row(*fields):
    out = len(fields).to_bytes(2, "big")
    for field in fields:
        out += (0xFFFFFFFF).to_bytes(4, "big") if field is None else len(field).to_bytes(4, "big") + field
    return out


def row_digests():
    text = [b"1\tone\n", b"2\t\\N\n", b"\n", b"3\tl\\nine\n", b"1\tone\n", b"4\t" + b"x" * 1000 + b"\n"]
    binary = [binary_row(b"\0\0\0\1", b"one"), binary_row(None, b""), binary_row(), binary_row(b"y" * 300)]
    out = []
    for row_format, rows in (("text", text), ("binary", binary), ("text", []), ("text", [b"\n"])):
        total = sum(xxhash.xxh3_128_intdigest(row) for row in rows) % (1 << 128)
        digest = {"format": row_format, "rows": len(rows), "sum": f"{total:032x}"}
        out.append({"rows": [row.hex() for row in rows], "digest": digest})
    return out


# --- documents ----------------------------------------------------------------------------------------------------


def reference(name):
    return {"name": name, "size": 4_294_967_297, "sha256": hashlib.sha256(name.encode()).hexdigest()}


OWNER = {
    "instance": {
        "clusterId": "c", "namespace": "shop", "namespaceUid": "u1", "instance": "db", "instanceUid": "u2",
        "datasourceId": "7312/app",
    }
}
DECISION = {
    "tag": "daily", "keep": "P3M", "timeZone": "Europe/Berlin", "reason": "the day's first", "keepAtLeast": 3,
    "policy": {"namespace": "shop", "name": "standard", "version": 9_007_199_254_740_993},
    "trigger": {"slot": {"rule": "0 1 * * *", "slot": TIME}},
}
SOURCE = {"serverVersion": "15.18", "systemIdentifier": "7312", "sizeBytes": 18_446_744_073_709_551_615, "standby": True}
STORE = {"database": "app", "snapshotTime": TIME, "tables": 2, "rows": 9, "largeObjects": 1, "plainBytes": 1000}
ABOUT = {
    "owner": OWNER, "decision": DECISION, "pointTime": TIME, "commitTime": TIME, "deadline": TIME, "source": SOURCE,
    "dataStores": [STORE], "objects": 5, "storedBytes": 9_007_199_254_740_993, "coverage": ["roles"], "warnings": ["w"],
}
ACCEPTED = {
    "id": POINT.hex(), "run": "nightly", "writer": WRITER.hex(), "recordHash": ZEROS, **ABOUT, "expirationTime": TIME,
}
LATIN = {"base64": base64.b64encode(b"z\xe4hler").decode()}
SPAN = [7, 152, 4_294_967_295, 1]
PROBES = {"probed": TIME, "createOnly": True, "staleOverwriteRefused": None, "versioning": False, "objectLock": None}
PROMISES = [
    {"kind": "genesis", "vault": VAULT.hex(), "fingerprint": "f", "recipients": ["age1"], "tool": "coffer 0.1.0"},
    {"kind": "accepted", "point": ACCEPTED},
    {"kind": "verified", "point": POINT.hex(), "level": 4, "damage": None},
    {"kind": "verified", "point": POINT.hex(), "level": 2, "damage": {"object": "points/x", "message": "m"}},
    {"kind": "tombstone", "point": POINT.hex(), "reason": "expired"},
    {"kind": "readOpened", "run": "r", "point": POINT.hex(), "reader": WRITER.hex(), "deadline": TIME},
    {"kind": "readClosed", "run": "r"},
    {
        "kind": "restoreStarted", "run": "r", "point": POINT.hex(), "namespace": "n", "name": "j", "specHash": "h",
        "target": "t",
    },
    {"kind": "restoreEnded", "run": "r", "outcome": "CompletedWithWarnings"},
    {"kind": "jobEnded", "run": "r", "job": "Backup", "namespace": "n", "name": "j", "state": "Failed", "message": "m"},
    {"kind": "probed", "probes": PROBES},
]
KEPT = {"state": "Deleted", "time": TIME, "points": {"kind": "Kept"}, "reason": "deleted"}
LATER = "2026-04-01T00:00:00Z"
OWNER_PROMISES = [
    {"kind": "claimed", "owner": OWNER, "spec": '{"vaultRef":{"name":"main"}}'},
    {"kind": "owner", "owner": OWNER, "life": {"state": "Active"}},
    {"kind": "owner", "owner": OWNER, "life": KEPT},
    {"kind": "owner", "owner": OWNER, "life": {**KEPT, "points": {"kind": "AsStamped"}}},
    {"kind": "owner", "owner": OWNER, "life": {**KEPT, "points": {"kind": "Purged", "at": LATER}}},
    {"kind": "owner", "owner": OWNER, "life": {"state": "ResumeRequired", "record": "shop-db-12345678"}},
    {"kind": "adopted", "from": OWNER, "to": OWNER},
    {"kind": "released", "owner": OWNER},
    {"kind": "override", "point": POINT.hex(), "until": LATER, "reason": "audit"},
    {"kind": "removed", "point": POINT.hex(), "purge": LATER, "reason": "a request"},
    {"kind": "promise", "pledges": {"softDeleteDays": 14}},
    {"kind": "promise", "pledges": {"softDeleteDays": None}},
]
DATABASE = {
    "name": "app", "oid": 4_294_967_295, "encoding": "LATIN1", "localeProvider": "icu", "collate": "C", "ctype": "C",
    "locale": "de-DE", "icuRules": "&a < b", "collationVersion": "153.120", "owner": LATIN, "comment": "c",
    "tablespace": "pg_default", "connectionLimit": -1, "allowConnections": True, "isTemplate": False,
    "acl": ["=Tc/app", LATIN], "settings": [{"role": None, "setting": "a=b"}, {"role": LATIN, "setting": "c=d"}],
    "securityLabels": [{"provider": "p", "label": "l"}],
}
MANIFEST = {
    "format": 1, "database": DATABASE, "snapshotTime": TIME, "serverVersion": 150018, "serverVersionText": "15.18",
    "schema": {"entries": 1, "plainBytes": 2, "spans": [SPAN], "archiveVersion": "1.14", "dumpVersion": "15.18"},
    "lists": [{"list": name, "entries": 1, **reference("00000003")} for name in ("tables", "segments", "sequences")],
    "tables": 1, "segments": 1, "sequences": 1, "largeObjects": 1, "rows": 9, "plainBytes": 1000, "roles": ["app", LATIN],
    "extensions": [{"name": "hstore", "version": "1.8", "schema": "public"}], "tablespaces": ["fast"],
    "coverage": [], "warnings": [], "tool": "coffer 0.1.0",
}


def table(number, kind):
    return {
        "id": number, "oid": 16402, "schema": "public", "name": LATIN, "kind": kind, "columns": ["a", LATIN],
        "segments": 4, "plainBytes": 9, "digests": [{"format": "text", "rows": 1, "sum": "0" * 31 + "1"}],
    }


def documents():
    kinds = ("ordinary", "configuration", "largeObjects", "largeObjectPages", "largeObjectSlices")
    segment = {"table": 1, "number": 0, "format": "binary", "rows": 9, "plainBytes": 9, "spans": [SPAN, [8, 200, 0, 2]]}
    sequence = {"schema": "public", "name": LATIN, "lastValue": -9_223_372_036_854_775_808, "isCalled": True}
    record = {
        "format": 1, "vault": VAULT.hex(), "point": POINT.hex(), "run": "nightly", "writer": WRITER.hex(),
        "chain": WRITER.hex(), "chainCommitment": ZEROS, **ABOUT, "manifests": [reference("00000007")],
        "globals": reference("00000008"), "inventory": [reference("i0000")], "contents": [reference("c0000")],
        "tool": "coffer 0.1.0",
    }
    by_hand = {
        **record, "owner": {"cli": {"datasourceId": "0/app"}}, "globals": None,
        "decision": {**DECISION, "keep": None, "policy": None, "trigger": "cli"},
        "source": {**SOURCE, "systemIdentifier": None},
    }
    on_demand = {**by_hand, "decision": {**DECISION, "trigger": {"onDemand": {"requested": TIME}}}}
    ids = {"format": 1, "point": POINT.hex(), "writer": WRITER.hex()}
    stored_point = {
        **ACCEPTED, "accepted": TIME, "sequence": 3, "damage": {"object": "o", "message": "m"}, "damageLevel": 2,
        "tombstoned": None,
    }
    restore = {
        "run": "r", "point": POINT.hex(), "namespace": "n", "name": "j", "specHash": "h", "target": "t", "started": TIME,
        "outcome": "Failed", "sequence": 4,
    }
    page = {"format": 1, "page": 0}
    stored = {**reference("00000001"), "etag": "e", "version": None}
    contents = {"schema": "public", "name": LATIN, "kind": "ordinary", "rows": 9, "plainBytes": 9}
    state = {"vault": VAULT.hex(), "fingerprint": "f", "recipients": ["age1"], "genesis": TIME, "probes": PROBES, "unknown": False}
    label = {"provider": "p", "label": "l"}
    role = {
        "name": LATIN, "isSuperuser": False, "inherits": True, "mayCreateRoles": False, "mayCreateDatabases": True,
        "mayLogIn": True, "mayReplicate": False, "bypassesRowSecurity": False, "connectionLimit": -1,
        "validUntil": "infinity", "password": "SCRAM-SHA-256$4096:x", "comment": None, "securityLabels": [label],
    }
    member = {"role": "a", "member": LATIN, "grantor": None, "admin": True, "inherit": None, "set": False}
    space = {
        "name": "fast", "owner": "a", "location": "/fast", "acl": None, "options": ["seq_page_cost=2"], "comment": "c",
        "securityLabels": [],
    }
    reasons = ("template", "noConnections", "provider", "invalid", "notAsked")
    shared = {
        "format": 1, "serverVersion": 170002, "bootstrap": "postgres", "passwords": "closed",
        "lists": [{"list": name, "entries": 1, **reference("00000009")} for name in ("roles", "memberships", "tablespaces")],
        "roles": 1, "memberships": 1, "tablespaces": 1, "settings": [{"role": None, "setting": "a=b"}],
        "parameters": [{"name": "log_statement", "acl": ["a=s/b", LATIN]}],
        "leftOut": [{"database": LATIN, "reason": reason} for reason in reasons],
    }
    schema_entry = {
        "id": 215, "catalogue": {"table": 1259, "object": 16385}, "kind": "FK CONSTRAINT", "tag": LATIN, "section": "post",
        "namespace": "app", "tablespace": "", "accessMethod": None, "relationKind": "r", "owner": "app",
        "drop": "DROP", "dependencies": [1, 4_294_967_295],
    }
    return [
        ("vault.json", {"magic": "coffer-vault", "format": 1, "vault": VAULT.hex(), "suite": 1}),
        ("record", record), ("record", by_hand), ("record", on_demand), ("manifest", MANIFEST),
        ("manifest", {**MANIFEST, "database": {**DATABASE, "localeProvider": "libc", "locale": None, "icuRules": None,
                                               "collationVersion": None, "comment": None, "acl": None}}),
        ("tables", {**page, "list": "tables", "entries": [table(at + 1, kind) for at, kind in enumerate(kinds)]}),
        ("segments", {**page, "list": "segments", "entries": [segment, {**segment, "format": "text", "number": 1}]}),
        ("sequences", {**page, "list": "sequences", "entries": [sequence]}),
        ("globals", shared), ("globals", {**shared, "passwords": "stored"}),
        ("roles", {**page, "list": "roles", "entries": [role]}),
        ("memberships", {**page, "list": "memberships", "entries": [member]}),
        ("tablespaces", {**page, "list": "tablespaces", "entries": [space]}),
        ("inventory", {**page, "objects": [stored]}),
        ("contents", {**page, "dataStore": 0, "tables": [contents]}),
        ("intent", {**ids, "run": "nightly", "created": TIME, "deadline": TIME}),
        ("heartbeat", {**ids, "beat": 18_446_744_073_709_551_615, "time": TIME}),
        ("void", {**ids, "run": None, "voided": TIME, "reason": "silent"}),
        ("void", {**ids, "run": "nightly", "voided": TIME, "reason": "silent"}),
        ("ledgerEntry", {"format": 1, "sequence": 2, "previous": ZEROS, "time": TIME, "promises": PROMISES}),
        ("stateHead", {"format": 1, "sequence": 2, "hash": ZEROS, "records": 4}),
        ("statePart", {"points": [stored_point]}),
        ("statePart", {"reads": [{"run": "r", "point": POINT.hex(), "reader": WRITER.hex(), "deadline": TIME}]}),
        ("statePart", {"restores": [restore]}),
        ("statePart", {"vault": state}),
        ("schemaEntry", schema_entry),
        ("ledgerEntry", {"format": 1, "sequence": 3, "previous": ZEROS, "time": TIME, "promises": OWNER_PROMISES}),
        ("statePart", {"points": [{**stored_point, "overridden": {"until": LATER, "reason": "audit"},
                                   "removal": {"purge": LATER, "reason": "a request"}}]}),
        ("statePart", {"owners": [
            {"owner": OWNER, "spec": "{}", "life": KEPT, "adoptedBy": None, "sequence": 3},
            {"owner": OWNER, "spec": "", "life": {"state": "Released"}, "adoptedBy": OWNER, "sequence": 4},
        ]}),
        ("statePart", {"pledges": {"softDeleteDays": 14}}),
        ("statePart", {"pledges": {"softDeleteDays": None}}),
    ]


# --- a ledger -----------------------------------------------------------------------------------------------------


def ledger():
    """Four entries: two points, one of them damaged, mended and expired, and a promise that nobody knows yet."""
    key = hkdf(KEY, b"", b"coffer/1 ledger" + VAULT)
    other = {**ACCEPTED, "id": "0b" * 16, "expirationTime": None}
    genesis = {"kind": "genesis", "vault": VAULT.hex(), "fingerprint": fingerprint(), "recipients": [], "tool": "coffer 0.1.0"}
    broken = {"object": "data/x", "message": "it was changed"}
    batches = [
        [genesis],
        [{"kind": "accepted", "point": ACCEPTED}, {"kind": "accepted", "point": other}],
        [{"kind": "verified", "point": POINT.hex(), "level": 3, "damage": broken},
         {"kind": "verified", "point": other["id"], "level": 3, "damage": broken}],
        [{"kind": "verified", "point": POINT.hex(), "level": 2, "damage": None},
         {"kind": "verified", "point": other["id"], "level": 3, "damage": None},
         {"kind": "tombstone", "point": POINT.hex(), "reason": "expired"}],
    ]
    points = [{"id": other["id"], "state": "available"}, {"id": POINT.hex(), "state": "expired"}]
    return {**sealed_ledger(key, batches), "points": points}


def instance(name):
    return {"instance": {**OWNER["instance"], "instance": name, "instanceUid": f"u-{name}", "datasourceId": f"1/{name}"}}


def owners_ledger():
    """Instances that are deleted, adopted, brought back and released, and points that end at another time than stamped."""
    key = hkdf(KEY, b"", b"coffer/1 ledger" + VAULT)
    genesis = {"kind": "genesis", "vault": VAULT.hex(), "fingerprint": fingerprint(), "recipients": [], "tool": "coffer 0.1.0"}
    stamped, early, late = "2026-06-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"

    def accepted(number, owner):
        point = {**ACCEPTED, "id": f"{number:02x}" * 16, "owner": instance(owner), "expirationTime": stamped}
        return {"kind": "accepted", "point": point}

    def claimed(owner):
        return {"kind": "claimed", "owner": instance(owner), "spec": f'{{"name":"{owner}"}}'}

    def lives(owner, **life):
        return {"kind": "owner", "owner": instance(owner), "life": life}

    def deleted(owner, **points):
        return lives(owner, state="Deleted", time=TIME, points=points, reason="deleted")

    def override(number, until):
        return {"kind": "override", "point": f"{number:02x}" * 16, "until": until, "reason": "r"}

    def removed(number, purge):
        return {"kind": "removed", "point": f"{number:02x}" * 16, "purge": purge, "reason": "r"}

    batches = [
        [genesis, {"kind": "promise", "pledges": {"softDeleteDays": 14}}],
        [claimed("a"), *(accepted(number, "a") for number in (1, 2, 3))],
        [override(1, late), removed(2, early), removed(3, early), override(3, late), removed(99, early)],
        [deleted("a", kind="Kept"), deleted("a", kind="Purged", at=late)],
        [{"kind": "adopted", "from": instance("a"), "to": instance("b")},
         lives("b", state="ResumeRequired", record="r"), {"kind": "promise", "pledges": {"softDeleteDays": 7}}],
        [lives("b", state="Active"), accepted(4, "a")],
        [claimed("c"), accepted(5, "c"), accepted(6, "c"), removed(6, early), deleted("c", kind="Kept")],
        [claimed("d"), accepted(7, "d"), accepted(8, "d"), removed(8, early), deleted("d", kind="Purged", at=late)],
        [claimed("e"), accepted(9, "e"), lives("e", state="ResumeRequired", record="r")],
        [claimed("f"), accepted(10, "f"), deleted("f", kind="AsStamped")],
        [claimed("g"), {"kind": "released", "owner": instance("g")}],
        [claimed("h"), {"kind": "released", "owner": instance("h")}, claimed("h"), accepted(11, "never claimed")],
    ]
    ends = {
        1: ("available", "b", late), 2: ("softDeleted", "b", early), 3: ("available", "b", late),
        4: ("available", "b", stamped), 5: ("available", "c", None), 6: ("softDeleted", "c", early),
        7: ("available", "d", late), 8: ("softDeleted", "d", early), 9: ("available", "e", None),
        10: ("available", "f", stamped), 11: ("available", "never claimed", stamped),
    }
    points = [
        {"id": f"{number:02x}" * 16, "state": state, "owner": instance(owner), "expirationTime": end}
        for number, (state, owner, end) in ends.items()
    ]
    specs = {name: f'{{"name":"{name}"}}' for name in "abcdefgh"} | {"b": '{"name":"a"}'}
    lives_now = {name: {"state": state} for name, state in zip("abgh", ("Released", "Active") * 2)} | {
        "c": deleted("c", kind="Kept")["life"], "d": deleted("d", kind="Purged", at=late)["life"],
        "e": {"state": "ResumeRequired", "record": "r"}, "f": deleted("f", kind="AsStamped")["life"],
    }
    owners = [{"owner": instance(name), "spec": specs[name], "life": lives_now[name]} for name in sorted(lives_now)]
    return {**sealed_ledger(key, batches), "points": points, "owners": owners, "pledges": {"softDeleteDays": 14}}


def sealed_ledger(key, batches):
    entries, previous = [], bytes(32)
    for sequence, promises in enumerate(batches, 1):
        entry = {"format": 1, "sequence": sequence, "previous": previous.hex(), "time": TIME, "promises": promises}
        ids = [VAULT, bytes(16), bytes(16), WRITER]
        plain = json.dumps(entry, separators=(",", ":")).encode()
        salt = hashlib.sha256(SALT + bytes([sequence])).digest()
        stored = seal_with(key, salt, 1, ENTRY, sequence, ids, 1, [(0, plain)])
        assert stored.startswith(MAGIC)
        entries.append(stored.hex())
        previous = hashlib.sha256(stored).digest()
    return {"entries": entries, "head": {"sequence": len(entries), "hash": previous.hex()}}


def main():
    data = {
        "vault": VAULT.hex(), "catalogueKey": KEY.hex(), "chain": CHAIN.hex(), "fingerprint": fingerprint(),
        "pointIds": point_ids(), "keys": key_files(), "rowDigests": row_digests(),
        "documents": [{"kind": kind, "document": document} for kind, document in documents()], "ledger": ledger(),
        "ownersLedger": owners_ledger(),
    }
    target = Path(__file__).resolve().parents[2] / "operator/mover/tests/data/vectors.json"
    target.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
