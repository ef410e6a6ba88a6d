//! What an API server says when it refuses, held against what a person needs to read.

/// What a refusal has to say.
pub struct Refusal<'a> {
    /// The field, or `<root>`.
    pub at: &'a str,
    /// A part of the message.
    pub with: &'a str,
}

impl Refusal<'_> {
    /// What is missing in the answer.
    pub fn objection(&self, answer: &str) -> Option<String> {
        if !answer.contains(self.with) {
            return Some(format!("wanted the message {:?}, and it is: {answer}", self.with));
        }
        let named = self.at == "<root>" || answer.contains(self.at);
        (!named).then(|| format!("wanted the field {}, and it is: {answer}", self.at))
    }
}
