#!/bin/sh
# Has the Python decoder read a vault that the Rust code has just written, and compares.
# COFFER_DECODER_ROWS: rows of its larger table (100,000 by default; 900,000 fill more than one pack).
# Needs python3 with venv, and the package index the first time; the environment is kept in the cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${COFFER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coffer}
venv=$cache/decoder-venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Its list of packages is written last: an environment that was only half made, or for another list, is made anew.
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    mkdir -p "$cache"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

# What belongs to FORMAT.md for ever: its test vectors, and vaults that releases have written.
python() {
    PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$@"
}
python "$here/check_vectors.py"
python "$here/check_released.py"

# As the tests build it: for one package alone, cargo would build it, and what it needs, once more.
cargo build --quiet --manifest-path "$root/Cargo.toml" --workspace --exclude e2e --example reference_point
"${CARGO_TARGET_DIR:-$root/target}/debug/examples/reference_point" "$work" "${COFFER_DECODER_ROWS:-100000}"
decode() {
    python "$here/coffer_decode.py" --vault "$work/vault" \
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
byte=$(od -An -tu1 -j $((size / 2)) -N 1 "$pack")
printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$pack" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
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
