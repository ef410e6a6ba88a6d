#!/usr/bin/env python3
"""Reads a Coffer vault in a directory: lists points, shows tables, prints schemas and rows.

Written from operator/mover/FORMAT.md alone, as proof that the page is enough, and as a way to one's data that
does not depend on Coffer. Needs Python 3.10 or newer with `cryptography`, `zstandard` and `xxhash`.

    coffer_decode.py --vault DIR --identity FILE [--fingerprint TEXT] list
    coffer_decode.py --vault DIR --identity FILE tables POINT
    coffer_decode.py --vault DIR --identity FILE schema POINT [--database N]
    coffer_decode.py --vault DIR --identity FILE rows   POINT SCHEMA TABLE [--database N]
    coffer_decode.py --vault DIR --identity FILE check  POINT
"""

import argparse
import base64
import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

import xxhash
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAGIC = b"COFFER\x1a\x0a"
HEADER = 152
NONE = bytes(16)
PACK, SCHEMA, LIST, MANIFEST, INVENTORY, CONTENTS, RECORD, VOID, INTENT, BEAT, ENTRY, STATE = range(1, 13)
DOCUMENT, ROWS, SCHEMA_RECORD = 1, 2, 3
FRAME_LIMIT = 4 * 1024 * 1024
STORED_LIMIT = {PACK: 17 << 20, SCHEMA: 17 << 20, STATE: 256 << 20, RECORD: 68 << 10, VOID: 68 << 10}
PLAIN_LIMIT = {PACK: FRAME_LIMIT, SCHEMA: FRAME_LIMIT, RECORD: 64 << 10, VOID: 64 << 10}
LISTS = ("tables", "segments", "sequences", "roles", "memberships", "tablespaces")
READABLE = {
    "genesis", "accepted", "verified", "tombstone", "readOpened", "readClosed", "restoreStarted", "restoreEnded",
    "jobEnded", "probed", "claimed", "owner", "adopted", "released", "override", "removed", "promise",
}


class Damaged(Exception):
    """A stored object is not what the format says. The message names it."""


class Newer(Damaged):
    """Nothing is damaged: the object or document is of a newer format than this file knows."""


def known(name, word, words):
    if word not in words:
        raise Newer(f"{name}: {word} is not known here; it is of a newer format")
    return word


def document_of(name, content):
    document = json.loads(content)
    if document.get("format", 1) > 1:
        raise Newer(f"{name}: it is of format {document['format']}")
    return document


def hkdf(key, salt, info, length=32):
    return HKDF(hashes.SHA256(), length, salt or None, info).derive(key)


# --- age v1, X25519 only (https://age-encryption.org/v1) ---------------------------------------------------------


def bech32_bytes(text, prefix):
    text = text.lower()
    human, _, data = text.rpartition("1")
    if human != prefix:
        raise ValueError(f"not a {prefix} text")
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    values = [letters.index(letter) for letter in data]
    expanded = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human] + values
    check = 1
    for value in expanded:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    if check != 1:
        raise ValueError("the checksum is wrong")
    bits = value = 0
    out = bytearray()
    for five in values[:-6]:
        value = value << 5 | five
        bits += 5
        if bits >= 8:
            bits -= 8
            out.append(value >> bits & 0xFF)
    return bytes(out)


def unpadded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


class Identity:
    def __init__(self, text):
        lines = [line.strip() for line in text.splitlines()]
        line = next(line for line in lines if line and not line.startswith("#"))
        self.private = X25519PrivateKey.from_private_bytes(bech32_bytes(line, "age-secret-key-"))
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def file_key(self, argument, body):
        share = unpadded(argument)
        secret = self.private.exchange(X25519PublicKey.from_public_bytes(share))
        wrap = hkdf(secret, share + self.public, b"age-encryption.org/v1/X25519")
        return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)

    def unwrap(self, file):
        """The plaintext of an age file; None when it is for somebody else."""
        end = file.index(b"\n--- ") + 4
        line_end = file.index(b"\n", end)
        mac = unpadded(file[end + 1 : line_end].decode())
        stanzas, lines = [], file[: end - 4].decode().split("\n")
        if lines[0] != "age-encryption.org/v1":
            raise Damaged("not an age file")
        for line in lines[1:]:
            if line.startswith("-> "):
                stanzas.append((line[3:].split(" "), []))
            else:
                stanzas[-1][1].append(line)
        for arguments, body in stanzas:
            if arguments[0] != "X25519":
                continue
            try:
                key = self.file_key(arguments[1], unpadded("".join(body)))
            except InvalidTag:
                continue
            if not hmac.compare_digest(hmac.digest(hkdf(key, b"", b"header"), file[:end], "sha256"), mac):
                raise Damaged("the header of an age file was changed")
            payload = file[line_end + 1 :]
            stream = ChaCha20Poly1305(hkdf(key, payload[:16], b"payload"))
            # 77 bytes are one chunk, which is also the last.
            return stream.decrypt(bytes(11) + b"\x01", payload[16:], None)
        return None


# --- sealed objects -----------------------------------------------------------------------------------------------


def compare(name, found, expected, what):
    if found != expected:
        raise Damaged(f"{name}: it is an object of another {what}")


class Sealed:
    """A sealed object whose header was checked. `key` may be a function of the header's writer."""

    def __init__(self, name, stored, key, kind, vault, number=0, point=NONE, chain=NONE, writer=None):
        if len(stored) < HEADER:
            raise Damaged(f"{name}: it ends too early")
        if len(stored) > STORED_LIMIT.get(kind, (1 << 20) + 4096):
            raise Damaged(f"{name}: it is too large")
        (magic, version, suite, found, reserved, found_number, *ids) = struct.unpack_from("<8sHBBIQ16s16s16s16s", stored)
        if magic != MAGIC:
            raise Damaged(f"{name}: it is not a sealed object")
        if version != 1 or suite not in (1, 2) or not PACK <= found <= STATE:
            raise Newer(f"{name}: its format {version}, suite {suite} or kind {found} is not known here")
        if reserved:
            raise Damaged(f"{name}: its header uses a reserved field")
        compare(name, found, kind, "kind")
        compare(name, found_number, number, "number")
        compare(name, ids[0], vault, "vault")
        self.writer = ids[3]
        compare(name, ids[1], self.writer if chain == "writer" else chain, "chain")
        compare(name, ids[2], point, "point")
        if writer is not None:
            compare(name, self.writer, writer, "writer")
        key = key(self.writer) if callable(key) else key
        derived = hkdf(key, stored[88:120], b"coffer/1" + bytes([kind]), 64)
        if not hmac.compare_digest(derived[32:], stored[120:152]):
            raise Damaged(f"{name}: the key is not the one that it was sealed with")
        self.aead = (AESGCM if suite == 1 else ChaCha20Poly1305)(derived[:32])
        self.name, self.stored, self.kind = name, stored, kind
        self.binding = hashlib.sha256(stored[:HEADER]).digest()
        self.holds = {PACK: ROWS, SCHEMA: SCHEMA_RECORD}.get(kind, DOCUMENT)

    def record(self, at, counter):
        """One record: its plain bytes (None for the final one) and where the next one starts."""
        if at + 12 > len(self.stored):
            raise Damaged(f"{self.name}: it ends too early")
        flags, kind, codec, reserved, plain, sealed = struct.unpack_from("<BBBBII", self.stored, at)
        end = at + 12 + sealed
        limit = PLAIN_LIMIT.get(self.kind, 1 << 20)
        if flags > 1 or codec > 1 or reserved or plain > limit or sealed < 16:
            raise Damaged(f"{self.name}: record {counter} has an impossible frame")
        if end > len(self.stored):
            raise Damaged(f"{self.name}: it ends too early")
        bound = self.binding + struct.pack("<QBBBBI", counter, flags, kind, codec, 0, plain)
        try:
            content = self.aead.decrypt(counter.to_bytes(12, "big"), self.stored[at + 12 : end], bound)
        except InvalidTag:
            raise Damaged(f"{self.name}: record {counter} was changed") from None
        if flags == 1:
            if kind or codec or plain or content or end != len(self.stored):
                raise Damaged(f"{self.name}: something follows its end")
            return None, end
        if kind != self.holds or not plain:
            raise Damaged(f"{self.name}: record {counter} does not belong here")
        if codec == 1:
            content = zstandard.ZstdDecompressor().decompress(content, max_output_size=plain)
        if len(content) != plain:
            raise Damaged(f"{self.name}: record {counter} does not have the length that it announces")
        return content, end

    def records(self):
        at, counter = HEADER, 0
        while True:
            content, at = self.record(at, counter)
            if content is None:
                return
            yield content
            counter += 1

    def span(self, offset, first, count):
        for counter in range(first, first + count):
            content, offset = self.record(offset, counter)
            if content is None:
                raise Damaged(f"{self.name}: it ends before its last frame")
            yield content

    def document(self):
        records = list(self.records())
        if len(records) != 1:
            raise Damaged(f"{self.name}: it does not hold one document")
        return document_of(self.name, records[0])


# --- the vault ----------------------------------------------------------------------------------------------------


def raw(text):
    """The bytes of a text of a server."""
    return text.encode() if isinstance(text, str) else base64.b64decode(text["base64"])


class Vault:
    def __init__(self, root, identity, fingerprint=None):
        self.root, self.identity = Path(root), identity
        description = json.loads(self.read("vault.json", 4096))
        if description["magic"] != "coffer-vault" or description["format"] != 1:
            raise Damaged("vault.json: not a vault of format 1")
        self.id = bytes.fromhex(description["vault"])
        self.catalogue = self.catalogue_key()
        found = self.fingerprint()
        if fingerprint and fingerprint.lower().replace("-", "") != found.replace("-", ""):
            raise Damaged(f"the vault's fingerprint is {found}")
        self.points = self.fold()

    def read(self, name, limit):
        path = self.root / name
        if path.stat().st_size > limit:
            raise Damaged(f"{name}: it is too large")
        return path.read_bytes()

    def wrapped(self, place, kind, number):
        """The keys below a place that the identity opens."""
        for file in sorted((self.root / place).glob("*.*")):
            plain = self.identity.unwrap(self.read(file.relative_to(self.root), 4096))
            if plain and plain[:45] == b"coffer-key/1" + bytes([kind]) + self.id + number:
                yield plain[45:]

    def catalogue_key(self):
        for key in self.wrapped("keys/catalogue/00000001", 1, (1).to_bytes(16, "big")):
            try:
                self.entry(1, bytes(32), key)
                return key
            except Damaged:
                continue
        raise Damaged("no catalogue key opens with this identity")

    def fingerprint(self):
        commitment = hkdf(self.catalogue, b"", b"coffer/1 catalogue commitment")
        digest = hashlib.sha256(b"coffer/1 fingerprint" + self.id + commitment).digest()
        text = base64.b32encode(digest).decode().rstrip("=").lower()
        return "-".join(text[at : at + 4] for at in range(0, len(text), 4))

    def entry(self, sequence, previous, catalogue):
        name = f"ledger/{sequence:016}"
        stored = self.read(name, (1 << 20) + 4096)
        key = hkdf(catalogue, b"", b"coffer/1 ledger" + self.id)
        entry = Sealed(name, stored, key, ENTRY, self.id, sequence).document()
        if entry["sequence"] != sequence or entry["previous"] != previous.hex():
            raise Damaged(f"{name}: it does not follow from the entry before it")
        return entry, hashlib.sha256(stored).digest()

    def fold(self):
        fold, sequence, previous = Fold(), 0, bytes(32)
        while (self.root / f"ledger/{sequence + 1:016}").exists():
            sequence += 1
            entry, previous = self.entry(sequence, previous, self.catalogue)
            for promise in entry["promises"]:
                if promise["kind"] not in READABLE:
                    print(f"ledger/{sequence:016}: unknown promise {promise['kind']}", file=sys.stderr)
                fold.take(promise)
        return fold.told()

    def point(self, point):
        known = self.points.get(point)
        if known is None:
            raise Damaged(f"there is no point {point}")
        return Point(self, known)


def owner_key(owner):
    return json.dumps(owner, sort_keys=True)


class Fold:
    """What the promises of a ledger come to (section 12)."""

    def __init__(self):
        self.points, self.owners, self.pledges = {}, {}, {"softDeleteDays": None}

    def take(self, promise):
        kind, point = promise["kind"], promise.get("point")
        if kind == "accepted":
            fresh = dict(point, tombstoned=False, damaged=False, level=0, until=None, purge=None)
            self.points.setdefault(point["id"], fresh)
        elif kind in ("verified", "tombstone", "override", "removed") and point in self.points:
            fold_change(self.points[point], promise)
        elif kind == "promise":
            days = [pledges.get("softDeleteDays") for pledges in (self.pledges, promise["pledges"])]
            self.pledges = {"softDeleteDays": max((known for known in days if known is not None), default=None)}
        elif kind in ("claimed", "owner", "released"):
            known = self.known(promise["owner"])
            if kind == "claimed":
                known["spec"] = promise["spec"]
                if known["life"]["state"] == "Released":
                    known.update(life={"state": "Active"}, heir=None)
            else:
                known["life"] = promise["life"] if kind == "owner" else {"state": "Released"}
        elif kind == "adopted" and promise["from"] != promise["to"]:
            left = self.known(promise["from"])
            heir = self.known(promise["to"], left["spec"])
            left.update(life={"state": "Released"}, heir=promise["to"])
            heir["heir"] = None
            if heir["life"]["state"] == "Released":
                heir["life"] = {"state": "Active"}

    def known(self, owner, spec=""):
        fresh = {"owner": owner, "spec": spec, "life": {"state": "Active"}, "heir": None}
        return self.owners.setdefault(owner_key(owner), fresh)

    def owner_of(self, point):
        owner = point["owner"]
        while (known := self.owners.get(owner_key(owner))) and known["heir"]:
            owner = known["heir"]
        return owner

    def end_of(self, point):
        known = self.owners.get(owner_key(self.owner_of(point)))
        life = known["life"] if known else {"state": "Active"}
        if life["state"] == "ResumeRequired":
            return None
        if life["state"] == "Deleted" and life["points"]["kind"] == "Kept":
            return point["purge"]
        if life["state"] == "Deleted" and life["points"]["kind"] == "Purged":
            ends = filter(None, (point["purge"], life["points"]["at"]))
            return min(ends, key=lambda end: end.rstrip("Z"))
        return point["purge"] or point["until"] or point["expirationTime"]

    def told(self):
        """The points with their states, owners and ends as they are now."""
        return {
            name: dict(point, state=state_of(point), owner=self.owner_of(point), expirationTime=self.end_of(point))
            for name, point in self.points.items()
        }


def state_of(point):
    if point["tombstoned"]:
        return "expired"
    if point["purge"]:
        return "softDeleted"
    return "damaged" if point["damaged"] else "available"


def fold_change(point, promise):
    kind = promise["kind"]
    if kind == "tombstone":
        point["tombstoned"] = True
    elif kind == "override":
        point.update(until=promise["until"], purge=None)
    elif kind == "removed":
        point["purge"] = promise["purge"]
    elif promise["damage"]:
        point.update(damaged=True, level=promise["level"])
    elif promise["level"] >= point["level"]:
        point.update(damaged=False, level=0)


class Point:
    def __init__(self, vault, known):
        self.vault, self.id, self.writer = vault, bytes.fromhex(known["id"]), bytes.fromhex(known["writer"])
        name = f"points/{known['id']}"
        stored = vault.read(name, 68 << 10)
        if hashlib.sha256(stored).hexdigest() != known["recordHash"]:
            raise Damaged(f"{name}: it is not the record that was accepted")
        self.record_key = hkdf(
            vault.catalogue, b"", b"coffer/1 record" + vault.id + self.id + self.writer
        )
        self.record = self.sealed(name, stored, RECORD, 0).document()
        self.chain_key = self.unwrapped_chain_key()
        self.cache = {}

    def unwrapped_chain_key(self):
        for key in self.vault.wrapped(f"keys/{self.writer.hex()}", 2, self.writer):
            commitment = hkdf(key, b"", b"coffer/1 chain commitment" + self.vault.id + self.writer)
            if commitment.hex() == self.record["chainCommitment"]:
                return key
        raise Damaged("no key of this point opens with this identity")

    def sealed(self, name, stored, kind, number):
        key = self.chain_key if kind <= MANIFEST else self.record_key
        return Sealed(name, stored, key, kind, self.vault.id, number, self.id, self.writer, self.writer)

    def referenced(self, reference, kind):
        name = f"data/{self.writer.hex()}/{reference['name']}"
        stored = self.vault.read(name, STORED_LIMIT.get(kind, (1 << 20) + 4096))
        if len(stored) != reference["size"] or hashlib.sha256(stored).hexdigest() != reference["sha256"]:
            raise Damaged(f"{name}: it is not what was stored")
        return self.sealed(name, stored, kind, int(reference["name"].lstrip("ic")))

    def manifest(self, number):
        return self.referenced(self.record["manifests"][number], MANIFEST).document()

    def entries(self, manifest, kind):
        for page in manifest["lists"]:
            if known("a manifest", page["list"], LISTS) == kind:
                yield from self.referenced(page, LIST).document()["entries"]

    def spans(self, spans, kind):
        for number, offset, first, count in spans:
            if self.cache.get("number") != (kind, number):
                name = f"data/{self.writer.hex()}/{number:08}"
                stored = self.vault.read(name, STORED_LIMIT[kind])
                self.cache = {"number": (kind, number), "object": self.sealed(name, stored, kind, number)}
            yield from self.cache["object"].span(offset, first, count)

    def schema(self, manifest):
        stream = b"".join(self.spans(manifest["schema"]["spans"], SCHEMA))
        if len(stream) != manifest["schema"]["plainBytes"]:
            raise Damaged("the schema stream does not have its length")
        at = 0
        while at < len(stream):
            (length,) = struct.unpack_from("<I", stream, at)
            header = json.loads(stream[at + 4 : at + 4 + length])
            at += 4 + length
            (length,) = struct.unpack_from("<I", stream, at)
            yield header, stream[at + 4 : at + 4 + length]
            at += 4 + length

    def segments(self, manifest, table):
        found = [entry for entry in self.entries(manifest, "segments") if entry["table"] == table["id"]]
        return sorted(found, key=lambda entry: entry["number"])

    def rows(self, manifest, table):
        """(format, bytes) of each segment of a table."""
        for segment in self.segments(manifest, table):
            content = b"".join(self.spans(segment["spans"], PACK))
            if len(content) != segment["plainBytes"] or count(segment["format"], content) != segment["rows"]:
                raise Damaged(f"a segment of table {table['id']} does not have its rows")
            yield segment["format"], content


def split(row_format, content):
    """The rows among the bytes of a segment."""
    if known("a segment", row_format, ("text", "binary")) == "text":
        if content and not content.endswith(b"\n"):
            raise Damaged("a segment ends inside a row")
        yield from lines(content)
        return
    at = 0
    while at < len(content):
        start = at
        (fields,) = struct.unpack_from(">h", content, at)
        at += 2
        for _ in range(fields):
            (length,) = struct.unpack_from(">i", content, at)
            at += 4 + max(length, 0)
        if at > len(content):
            raise Damaged("a segment ends inside a row")
        yield content[start:at]


def lines(content):
    at = 0
    while at < len(content):
        end = content.index(b"\n", at) + 1
        yield content[at:end]
        at = end


def count(row_format, content):
    return sum(1 for _ in split(row_format, content))


def digest(row_format, rows):
    """As the list of tables has it."""
    number = total = 0
    for row in rows:
        number += 1
        total += xxhash.xxh3_128_intdigest(row)
    return {"format": row_format, "rows": number, "sum": f"{total % (1 << 128):032x}"}


def check_digests(table, segments):
    """The rows of a table's segments are those that were read from the server."""
    parts = {}
    for row_format, content in segments:
        parts.setdefault(row_format, []).append(content)
    found = [digest(row_format, (row for part in of for row in split(row_format, part))) for row_format, of in parts.items()]
    by_format = {entry["format"]: entry for entry in table["digests"]}
    if by_format != {entry["format"]: entry for entry in found}:
        raise Damaged(f"the rows of table {table['id']} are not those that were read")
    return sum(entry["rows"] for entry in found)


# --- commands -----------------------------------------------------------------------------------------------------


def show_list(vault, _):
    for point in sorted(vault.points.values(), key=lambda point: point["pointTime"]):
        names = ("id", "state", "pointTime", "expirationTime", "storedBytes", "dataStores")
        print(json.dumps({name: point[name] for name in names}))


def show_tables(vault, arguments):
    point = vault.point(arguments.point)
    for number in range(len(point.record["manifests"])):
        manifest = point.manifest(number)
        for table in point.entries(manifest, "tables"):
            rows = sum(digest["rows"] for digest in table["digests"])
            print(json.dumps({"database": number, "schema": table["schema"], "name": table["name"], "rows": rows}))


def show_schema(vault, arguments):
    point = vault.point(arguments.point)
    for _, sql in point.schema(point.manifest(arguments.database)):
        sys.stdout.buffer.write(sql + b"\n")


def show_rows(vault, arguments):
    point = vault.point(arguments.point)
    manifest = point.manifest(arguments.database)
    wanted = (arguments.schema.encode(), arguments.table.encode())
    for table in point.entries(manifest, "tables"):
        if (raw(table["schema"]), raw(table["name"])) == wanted:
            for _, content in point.rows(manifest, table):
                sys.stdout.buffer.write(content)
            return
    raise Damaged(f"there is no table {arguments.schema}.{arguments.table}")


def check(vault, arguments):
    objects, rows = check_point(vault.point(arguments.point))
    print(json.dumps({"objects": objects, "rows": rows}))


def check_point(point):
    """Reads everything of a point: every object of the inventory, every row. Counts both."""
    objects = rows = 0
    for page in point.record["inventory"]:
        for entry in point.referenced(page, INVENTORY).document()["objects"]:
            name = f"data/{point.writer.hex()}/{entry['name']}"
            kind = (point.vault.root / name).read_bytes()[11]
            for _ in point.referenced(entry, kind).records():
                pass
            objects += 1
    for page in point.record["contents"]:
        point.referenced(page, CONTENTS).document()
    for number in range(len(point.record["manifests"])):
        manifest = point.manifest(number)
        if sum(1 for _ in point.schema(manifest)) != manifest["schema"]["entries"]:
            raise Damaged("the schema does not have its entries")
        sequences = sum(1 for _ in point.entries(manifest, "sequences"))
        if sequences != manifest["sequences"]:
            raise Damaged("the manifest does not have its sequences")
        for table in point.entries(manifest, "tables"):
            rows += check_digests(table, point.rows(manifest, table))
    return objects, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vault", required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--fingerprint")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, work, extra in [
        ("list", show_list, []),
        ("tables", show_tables, ["point"]),
        ("schema", show_schema, ["point"]),
        ("rows", show_rows, ["point", "schema", "table"]),
        ("check", check, ["point"]),
    ]:
        command = commands.add_parser(name)
        command.set_defaults(work=work)
        for argument in extra:
            command.add_argument(argument)
        command.add_argument("--database", type=int, default=0)
    arguments = parser.parse_args()
    try:
        vault = Vault(arguments.vault, Identity(Path(arguments.identity).read_text()), arguments.fingerprint)
        if not arguments.fingerprint:
            print("UNAUTHENTICATED: no fingerprint was given", file=sys.stderr)
        arguments.work(vault, arguments)
    except (Damaged, FileNotFoundError, ValueError, struct.error, zstandard.ZstdError) as error:
        print(f"coffer_decode: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
