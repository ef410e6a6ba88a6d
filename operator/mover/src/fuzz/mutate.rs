//! Inputs made from those of a corpus. The same seed, body and number give the same input on every machine.

/// Longest input.
const LONGEST: usize = 64 << 10;
/// Numbers at which parsers go wrong, as they stand in bytes.
const EDGES: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX];
/// What texts are made of.
const TOKENS: [&str; 24] = [
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "/",
    "@",
    "%",
    "%00",
    "\0",
    "\n",
    "null",
    "-1",
    "1e309",
    "18446744073709551616",
    "..",
    "\u{feff}",
    "\u{202e}",
    "{\"base64\":\"",
];

/// A small generator (splitmix64): its numbers need to be many, not secret.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Input number `number` of a body. The first ones are the corpus itself.
pub fn input(corpus: &[Vec<u8>], seed: u64, body: &str, number: u64) -> Vec<u8> {
    if let Some(seed) = usize::try_from(number).ok().and_then(|at| corpus.get(at)) {
        return seed.clone();
    }
    let named = body.bytes().fold(seed, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = Random(named.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d)));
    let mut bytes = match corpus.len() {
        0 => Vec::new(),
        seeds => corpus[random.below(seeds)].clone(),
    };
    for _ in 0..=random.below(6) {
        change(&mut bytes, corpus, &mut random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(11) {
        0 => flip(bytes, random),
        1 => overwrite(bytes, at, &[random.byte()]),
        2 => overwrite(bytes, at, &number(random)),
        3 => insert(bytes, at, &number(random)),
        4 => insert(bytes, at, TOKENS[random.below(TOKENS.len())].as_bytes()),
        5 => overwrite(bytes, at, TOKENS[random.below(TOKENS.len())].as_bytes()),
        6 => bytes.truncate(at),
        7 => {
            let end = at + random.below(bytes.len() - at + 1).min(64);
            bytes.drain(at..end);
        }
        8 => {
            let end = at + random.below(bytes.len() - at + 1);
            let part = bytes[at..end].to_vec();
            insert(bytes, at, &part);
        }
        9 => {
            let noise: Vec<u8> = (0..=random.below(12)).map(|_| random.byte()).collect();
            insert(bytes, at, &noise);
        }
        _ if !corpus.is_empty() => {
            let other = &corpus[random.below(corpus.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => {}
    }
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn number(random: &mut Random) -> Vec<u8> {
    let edge = EDGES[random.below(EDGES.len())].wrapping_add(random.next() % 3).wrapping_sub(1);
    let width = 1 << random.below(4);
    match random.below(3) {
        0 => edge.to_le_bytes()[..width].to_vec(),
        1 => edge.to_be_bytes()[8 - width..].to_vec(),
        _ => edge.to_string().into_bytes(),
    }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    let end = (at + with.len()).min(bytes.len());
    bytes.splice(at..end, with.iter().copied());
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}
