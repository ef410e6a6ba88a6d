//! The tokens that the operator makes and keepers check.
//!
//! ```text
//! vault token  coffer-vault-1.MAC           MAC = HMAC-SHA256(root secret, "coffer/vault-token/1", "vault", vault UID)
//! run token    coffer-run-1.CLAIMS.MAC      MAC = HMAC-SHA256(vault token, "coffer/run-token/1", "run", CLAIMS)
//! ```
//!
//! Every field under a MAC is preceded by its length (u64, big endian), so that no two lists of fields are the same
//! bytes. CLAIMS is JSON in the clear, signed exactly as it travels; it and the MACs are base64url without padding. The
//! vault token is at once the operator's own password at the keeper and the key that signs run tokens: a keeper needs
//! nothing else, and a mover that holds a run token learns nothing of it.
//!
//! Tokens are judged by the wall clock, never by the test clock.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::{Purpose, RunId, Secret};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// How long after its run's deadline a token still opens the door: a mover that commits in the last second may report.
pub const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// A root secret shorter than this is refused, in bytes.
pub const ROOT_SECRET_LENGTH: usize = 32;

const MAC_LENGTH: usize = 32;
/// No token that we make comes near this many characters; longer ones are refused unread.
const LONGEST: usize = 2048;
const VAULT_PREFIX: &str = "coffer-vault-1.";
const RUN_PREFIX: &str = "coffer-run-1.";
const VAULT_DOMAIN: &str = "coffer/vault-token/1";
const RUN_DOMAIN: &str = "coffer/run-token/1";

/// What one run may ask of its keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    pub run: RunId,
    pub purpose: Purpose,
    /// The run's deadline. The token is refused [`GRACE`] later.
    pub deadline: Timestamp,
}

/// Why a token was refused. The text goes to whoever showed it, so it says no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the text is not a token of this version")]
    Malformed,
    #[error("the token was not signed by this vault's operator")]
    NotOurs,
    #[error("the token's run is over its deadline")]
    Expired,
    #[error("the root secret has fewer than {ROOT_SECRET_LENGTH} bytes")]
    RootTooShort,
}

/// The token of one vault: the operator's password at its keeper, and what run tokens are signed with.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct VaultToken([u8; MAC_LENGTH]);

impl VaultToken {
    /// The token that belongs to a vault under a root secret.
    ///
    /// # Errors
    /// [`TokenError::RootTooShort`].
    pub fn derive(root: &[u8], vault_uid: &str) -> Result<Self, TokenError> {
        if root.len() < ROOT_SECRET_LENGTH {
            return Err(TokenError::RootTooShort);
        }
        Ok(Self(mac(root, &[VAULT_DOMAIN.as_bytes(), b"vault", vault_uid.as_bytes()])))
    }

    /// Reads the text form, as mounted into a keeper. White space around it is no part of it.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let encoded = text.trim().strip_prefix(VAULT_PREFIX).ok_or(TokenError::Malformed)?;
        let mut decoded = decode(encoded)?;
        let token =
            <[u8; MAC_LENGTH]>::try_from(decoded.as_slice()).map(Self).map_err(|_| TokenError::Malformed);
        decoded.zeroize();
        token
    }

    /// The text form, for the keeper's Secret and the operator's `Authorization: Bearer` header.
    pub fn to_secret(&self) -> Secret {
        Secret::new(format!("{VAULT_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0)))
    }

    /// A token for one run, for its assignment.
    pub fn sign(&self, claims: &Claims) -> Secret {
        let claims = serde_json::to_vec(claims).expect("claims are strings and a time");
        let encoded = URL_SAFE_NO_PAD.encode(&claims);
        let signature = URL_SAFE_NO_PAD.encode(self.run_mac(&claims));
        Secret::new(format!("{RUN_PREFIX}{encoded}.{signature}"))
    }

    fn run_mac(&self, claims: &[u8]) -> [u8; MAC_LENGTH] {
        mac(&self.0, &[RUN_DOMAIN.as_bytes(), b"run", claims])
    }
}

/// The vault tokens that a keeper honours: the current one, and for a day after a change of the root the one before.
pub struct Keyring {
    current: VaultToken,
    previous: Option<VaultToken>,
}

impl Keyring {
    pub fn new(current: VaultToken, previous: Option<VaultToken>) -> Self {
        Self { current, previous }
    }

    /// Whether the text is a vault token of ours. Takes the same time whichever byte differs.
    pub fn is_operator(&self, presented: &str) -> bool {
        let Ok(presented) = VaultToken::parse(presented) else {
            return false;
        };
        self.tokens().any(|token| same(&token.0, &presented.0))
    }

    /// What the text allows, if it is a run token of ours that still holds at `now` (wall clock).
    ///
    /// # Errors
    /// Any [`TokenError`]; nothing of the claims is read before the signature was found to be right.
    pub fn claims(&self, presented: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if presented.len() > LONGEST {
            return Err(TokenError::Malformed);
        }
        let body = presented.strip_prefix(RUN_PREFIX).ok_or(TokenError::Malformed)?;
        let (encoded, signature) = body.split_once('.').ok_or(TokenError::Malformed)?;
        let (claims, signature) = (decode(encoded)?, decode(signature)?);
        if !self.tokens().any(|token| same(&token.run_mac(&claims), &signature)) {
            return Err(TokenError::NotOurs);
        }
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)?;
        // A deadline at the end of time has no hour after it, and cannot have passed.
        match claims.deadline.checked_add(GRACE) {
            Ok(last) if now > last => Err(TokenError::Expired),
            Ok(_) | Err(_) => Ok(claims),
        }
    }

    fn tokens(&self) -> impl Iterator<Item = &VaultToken> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }
}

fn decode(encoded: &str) -> Result<Vec<u8>, TokenError> {
    if encoded.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)
}

fn mac(key: &[u8], fields: &[&[u8]]) -> [u8; MAC_LENGTH] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for field in fields {
        context.update(&(field.len() as u64).to_be_bytes());
        context.update(field);
    }
    <[u8; MAC_LENGTH]>::try_from(context.sign().as_ref()).expect("SHA-256 has 32 bytes")
}

fn same(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

#[cfg(test)]
mod tests {
    use contract::PointId;

    use super::*;

    const ROOT: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn vault(uid: &str) -> VaultToken {
        VaultToken::derive(ROOT, uid).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            run: RunId("6f0c".into()),
            purpose: Purpose::Read { point: PointId("ab".repeat(16)) },
            deadline: "2026-11-21T06:00:00Z".parse().unwrap(),
        }
    }

    fn ring() -> Keyring {
        Keyring::new(vault("uid-1"), None)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_token_tells_what_was_signed() {
        let token = vault("uid-1").sign(&claims());
        assert_eq!(ring().claims(token.reveal(), at("2026-11-21T05:00:00Z")), Ok(claims()));
    }

    #[test]
    fn a_run_token_holds_for_one_hour_after_the_deadline_and_not_a_second_longer() {
        let token = vault("uid-1").sign(&claims());
        assert!(ring().claims(token.reveal(), at("2026-11-21T07:00:00Z")).is_ok());
        assert_eq!(ring().claims(token.reveal(), at("2026-11-21T07:00:01Z")), Err(TokenError::Expired));
    }

    #[test]
    fn a_deadline_at_the_end_of_time_never_passes() {
        let endless = Claims { deadline: Timestamp::MAX, ..claims() };
        let token = vault("uid-1").sign(&endless);
        assert_eq!(ring().claims(token.reveal(), Timestamp::MAX), Ok(endless));
    }

    #[test]
    fn no_single_changed_character_of_a_run_token_is_accepted() {
        let token = vault("uid-1").sign(&claims());
        let text = token.reveal();
        for (index, old) in text.char_indices() {
            let new = if old == 'A' { 'B' } else { 'A' };
            let mut changed = text.to_owned();
            changed.replace_range(index..=index, &new.to_string());
            assert!(ring().claims(&changed, at("2026-11-21T05:00:00Z")).is_err(), "{changed}");
        }
    }

    #[test]
    fn a_token_of_another_vault_or_another_root_is_not_ours() {
        let now = at("2026-11-21T05:00:00Z");
        let other_root = VaultToken::derive(&[7; 32], "uid-1").unwrap();
        for token in [vault("uid-2"), other_root] {
            assert_eq!(ring().claims(token.sign(&claims()).reveal(), now), Err(TokenError::NotOurs));
            assert!(!ring().is_operator(token.to_secret().reveal()));
        }
    }

    #[test]
    fn after_a_change_of_the_root_both_tokens_hold_until_the_old_one_is_gone() {
        let (old, new) = (vault("uid-1"), VaultToken::derive(&[7; 32], "uid-1").unwrap());
        let (by_old, by_new) = (old.sign(&claims()), new.sign(&claims()));
        let now = at("2026-11-21T05:00:00Z");
        let old_text = old.to_secret();
        let both = Keyring::new(new, Some(old));
        assert!(both.claims(by_old.reveal(), now).is_ok());
        assert!(both.claims(by_new.reveal(), now).is_ok());
        assert!(both.is_operator(old_text.reveal()));
        let after = Keyring::new(VaultToken::derive(&[7; 32], "uid-1").unwrap(), None);
        assert_eq!(after.claims(by_old.reveal(), now), Err(TokenError::NotOurs));
        assert!(!after.is_operator(old_text.reveal()));
    }

    #[test]
    fn a_run_token_is_no_vault_token_and_a_vault_token_no_run_token() {
        let vault = vault("uid-1");
        assert!(!ring().is_operator(vault.sign(&claims()).reveal()));
        let refused = ring().claims(vault.to_secret().reveal(), at("2026-11-21T05:00:00Z"));
        assert_eq!(refused, Err(TokenError::Malformed));
    }

    #[test]
    fn fields_cannot_be_moved_over_their_edge() {
        assert_ne!(mac(ROOT, &[b"ab", b"c"]), mac(ROOT, &[b"a", b"bc"]));
        assert_ne!(mac(ROOT, &[b"abc"]), mac(ROOT, &[b"abc", b""]));
    }

    #[test]
    fn a_vault_token_survives_its_text_form_and_a_line_end() {
        let text = vault("uid-1").to_secret();
        let again = VaultToken::parse(&format!("{}\n", text.reveal())).unwrap();
        assert_eq!(again.to_secret(), text);
    }

    #[test]
    fn a_short_root_and_hostile_texts_are_refused() {
        assert_eq!(VaultToken::derive(&[1; 31], "uid").err(), Some(TokenError::RootTooShort));
        let long = format!("{RUN_PREFIX}{}", "A".repeat(100_000));
        for text in
            ["", ".", "coffer-run-1.", "coffer-run-1..", "coffer-run-1.e30.", "coffer-run-2.e30.e30", &long]
        {
            assert!(ring().claims(text, at("2026-11-21T05:00:00Z")).is_err(), "{text}");
            assert!(!ring().is_operator(text));
        }
    }
}
