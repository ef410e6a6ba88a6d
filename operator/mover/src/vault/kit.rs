//! What people keep in a safe.

use super::Vault;

impl Vault {
    /// A page to print: what the vault is, how to recognise it, who can open it, and how to restore with nothing but this
    /// program. It holds no secret.
    pub fn recovery_kit(&self) -> String {
        let recipients: String =
            self.inner.recipients.iter().map(|recipient| format!("    {recipient}\n")).collect();
        let (location, id, fingerprint) =
            (self.inner.store.location(), self.inner.id, &self.inner.fingerprint);
        format!(
            "Coffer recovery kit\n\
             \n\
             Vault        {id}\n\
             Storage      {location}\n\
             Fingerprint  {fingerprint}\n\
             \n\
             New backups can be opened with the identity (AGE-SECRET-KEY-1...) of any of these recipients:\n\
             \n\
             {recipients}\n\
             Keep this page and at least one of those identities apart from the storage and from the cluster. Without an\n\
             identity nobody can read the backups, and nobody can help.\n\
             \n\
             To see what is there, and to restore it to a server that you have:\n\
             \n\
             \x20   coffer list    --vault URL --identity FILE --fingerprint {fingerprint}\n\
             \x20   coffer restore --vault URL --identity FILE --fingerprint {fingerprint} POINT --target postgresql://...\n\
             \n\
             URL is the storage above; credentials come from the usual environment variables. If the fingerprint does not\n\
             match, the storage does not hold this vault: do not restore from it.\n\
             The stored format is described in operator/mover/FORMAT.md of the source.\n"
        )
    }
}
