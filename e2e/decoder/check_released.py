#!/usr/bin/env python3
"""Reads every vault below operator/mover/tests/data/released: each must hold what it held when its release wrote it."""

import hashlib
import json
import sys
from pathlib import Path

from coffer_decode import Identity, Vault, check_point, raw

RELEASED = Path(__file__).resolve().parents[2] / "operator/mover/tests/data/released"


def sha256(pieces):
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def found(vault, point_id):
    """As expected.json tells of a point."""
    point = vault.point(point_id)
    objects, rows = check_point(point)
    manifest = point.manifest(0)
    tables = []
    for table in point.entries(manifest, "tables"):
        tables.append({
            "schema": raw(table["schema"]).decode(), "name": raw(table["name"]).decode(),
            "rows": sum(digest["rows"] for digest in table["digests"]),
            "sha256": sha256(content for _, content in point.rows(manifest, table)),
        })
    tables.sort(key=lambda table: (table["schema"], table["name"]))
    schema = sha256(sql + b"\n" for _, sql in point.schema(manifest))
    return {"point": point_id, "objects": objects, "rows": rows, "schemaSha256": schema, "tables": tables}


def main():
    points = 0
    for release in sorted(path for path in RELEASED.iterdir() if path.is_dir()):
        identity = Identity((release / "identity").read_text())
        vault = Vault(release / "vault", identity, (release / "fingerprint").read_text().strip())
        for expected in json.loads((release / "expected.json").read_text())["points"]:
            if found(vault, expected["point"]) != expected:
                sys.exit(f"check_released: point {expected['point']} of {release.name} is not what it was")
            points += 1
    if not points:
        sys.exit("check_released: there is no released vault")
    print(f"the decoder reads {points} points of released vaults")


if __name__ == "__main__":
    main()
