//! Whether a text is an age recipient: Bech32 (BIP 173) of a 32 byte public key under the prefix `age`.

const CHARACTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// `age`, as BIP 173 expands a prefix: the high bits of each letter, a zero, the low bits of each.
const PREFIX: [u32; 7] = [3, 3, 3, 0, 1, 7, 5];
const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
/// 32 bytes in groups of five bits, and six groups of checksum.
const GROUPS: usize = 58;

/// Whether prefix, length and checksum are those of an age recipient. Its alphabet has no digit 1, and no `b`, `i`, `o`.
pub fn is_recipient(text: &str) -> bool {
    let Some(data) = text.strip_prefix("age1") else { return false };
    let groups: Option<Vec<u32>> =
        data.chars().map(|letter| u32::try_from(CHARACTERS.find(letter)?).ok()).collect();
    groups.is_some_and(|groups| groups.len() == GROUPS && checksum(&groups) == 1)
}

/// The remainder that BIP 173 defines; 1 for a text without an error.
fn checksum(groups: &[u32]) -> u32 {
    PREFIX.iter().chain(groups).fold(1, |sum, group| {
        let top = sum >> 25;
        let shifted = ((sum & 0x01ff_ffff) << 5) ^ group;
        GENERATORS
            .iter()
            .enumerate()
            .filter(|(bit, _)| (top >> bit) & 1 == 1)
            .fold(shifted, |sum, (_, generator)| sum ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::is_recipient;

    // From the documentation of age.
    const GOOD: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn a_recipient_is_one() {
        assert!(is_recipient(GOOD));
    }

    #[test]
    fn a_recipient_with_any_other_letter_is_none() {
        for place in 4..GOOD.len() {
            let other = if &GOOD[place..=place] == "q" { "p" } else { "q" };
            let text = format!("{}{other}{}", &GOOD[..place], &GOOD[place + 1..]);
            assert!(!is_recipient(&text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_recipient_is_none() {
        for text in ["", "age1", &GOOD[..61], &GOOD.replace("age1", "agf1"), &format!("{GOOD}q")] {
            assert!(!is_recipient(text), "{text}");
        }
    }
}
