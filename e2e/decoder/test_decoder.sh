#!/bin/sh
# Has the Python decoder read a vault that the Rust code has just written, and compares.
# Needs python3 and network access (or a wheel cache) the first time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/coffer
venv=$cache/decoder-venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! "$venv/bin/python" -c 'import cryptography, zstandard' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
fi

cargo run --quiet --manifest-path "$root/Cargo.toml" --package mover --example reference_point -- "$work"
decode() {
    PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/coffer_decode.py" --vault "$work/vault" \
        --identity "$work/identity" --fingerprint "$(cat "$work/fingerprint")" "$@"
}
point=$(cat "$work/point")

decode list | grep -q "\"id\": \"$point\", \"state\": \"available\""
decode check "$point"
decode schema "$point" > "$work/schema"
cmp "$work/schema" "$work/expected.schema"
for table in text binary; do
    decode rows "$point" public "$table" > "$work/rows"
    cmp "$work/rows" "$work/expected.$table"
done

# Damage is noticed and named; another fingerprint is refused.
pack=$(find "$work/vault/data" -name 00000000)
size=$(wc -c < "$pack")
printf '\377' | dd of="$pack" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
if decode check "$point" 2> "$work/error"; then
    echo "the decoder did not notice a changed byte" >&2
    exit 1
fi
grep -q 00000000 "$work/error"
if decode --fingerprint aaaa list 2>/dev/null; then
    echo "the decoder took another fingerprint" >&2
    exit 1
fi
echo "the decoder reads what was written"
