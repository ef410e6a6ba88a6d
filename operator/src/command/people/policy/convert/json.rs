//! Reading somebody else's document field by field: what was not asked for is told, with the path of the field.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::PolicyError;

/// What was found on the way that a person should know of.
#[derive(Debug, Default)]
pub struct Warnings(RefCell<Vec<String>>);

impl Warnings {
    /// Says what becomes of a field.
    pub fn tell(&self, field: &str, what: &str) {
        self.0.borrow_mut().push(format!("`{field}`: {what}"));
    }

    pub fn into_lines(self) -> Vec<String> {
        self.0.into_inner()
    }
}

/// An object of the document at its path, such as `policyRules[0].trigger`.
pub struct Object<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    asked: RefCell<BTreeSet<&'a str>>,
    warnings: &'a Warnings,
}

impl<'a> Object<'a> {
    /// The document itself.
    pub fn root(value: &'a Value, warnings: &'a Warnings) -> Result<Self, PolicyError> {
        Self::at(String::new(), value, warnings)
    }

    fn at(path: String, value: &'a Value, warnings: &'a Warnings) -> Result<Self, PolicyError> {
        match value {
            Value::Object(fields) => Ok(Self { path, fields, asked: RefCell::default(), warnings }),
            _ => Err(wrong(&path, "an object")),
        }
    }

    /// The path of one of its fields.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field is refused for this reason.
    pub fn refuse(&self, name: &str, reason: impl Into<String>) -> PolicyError {
        PolicyError::Refused { field: self.path(name), reason: reason.into() }
    }

    /// Says what becomes of a field, if it is there.
    pub fn warn(&self, name: &str, what: &str) {
        if self.value(name).is_some() {
            self.warnings.tell(&self.path(name), what);
        }
    }

    /// Passes over fields that carry no behaviour: names and numbers by which the service knows its own objects.
    pub fn pass_over(&self, names: &[&str]) {
        for name in names {
            self.value(name);
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, PolicyError> {
        self.value(name)
            .map(|value| value.as_str().ok_or_else(|| wrong(&self.path(name), "a text")))
            .transpose()
    }

    pub fn required_text(&self, name: &str) -> Result<&'a str, PolicyError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, PolicyError> {
        let whole = |value: &Value| value.as_i64().ok_or_else(|| wrong(&self.path(name), "a whole number"));
        self.value(name).map(whole).transpose()
    }

    /// A number of the type that a policy has for it.
    pub fn small(&self, name: &str) -> Result<Option<i32>, PolicyError> {
        let fits = |number: i64| {
            i32::try_from(number).map_err(|_| self.refuse(name, format!("{number} is out of any range")))
        };
        self.integer(name)?.map(fits).transpose()
    }

    /// False where the field is not there.
    pub fn flag(&self, name: &str) -> Result<bool, PolicyError> {
        let value = self.value(name);
        value.map_or(Ok(false), |value| {
            value.as_bool().ok_or_else(|| wrong(&self.path(name), "true or false"))
        })
    }

    pub fn object(&self, name: &str) -> Result<Option<Self>, PolicyError> {
        self.value(name).map(|value| Self::at(self.path(name), value, self.warnings)).transpose()
    }

    pub fn required_object(&self, name: &str) -> Result<Self, PolicyError> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// The objects of a list; none where the field is not there.
    pub fn objects(&self, name: &str) -> Result<Vec<Self>, PolicyError> {
        let path = self.path(name);
        let item = |(index, value)| Self::at(format!("{path}[{index}]"), value, self.warnings);
        self.list(name)?.iter().enumerate().map(item).collect()
    }

    /// The texts of a list; none where the field is not there.
    pub fn texts(&self, name: &str) -> Result<Vec<&'a str>, PolicyError> {
        let path = self.path(name);
        let item = |(index, value): (usize, &'a Value)| {
            value.as_str().ok_or_else(|| wrong(&format!("{path}[{index}]"), "a text"))
        };
        self.list(name)?.iter().enumerate().map(item).collect()
    }

    /// Tells of every field that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for name in self.fields.keys().filter(|name| !asked.contains(name.as_str())) {
            self.warnings.tell(&self.path(name), "not known here, and left out");
        }
    }

    fn list(&self, name: &str) -> Result<&'a [Value], PolicyError> {
        let list = |value: &'a Value| value.as_array().ok_or_else(|| wrong(&self.path(name), "a list"));
        Ok(self.value(name).map(list).transpose()?.map_or(&[], Vec::as_slice))
    }

    fn missing(&self, name: &str) -> PolicyError {
        self.refuse(name, "it is missing")
    }

    /// Null says as much as nothing.
    fn value(&self, name: &str) -> Option<&'a Value> {
        let (name, value) = self.fields.get_key_value(name)?;
        self.asked.borrow_mut().insert(name);
        (!value.is_null()).then_some(value)
    }
}

fn wrong(path: &str, wanted: &str) -> PolicyError {
    let field = if path.is_empty() { "." } else { path };
    PolicyError::Refused { field: field.to_owned(), reason: format!("it is not {wanted}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_the_wrong_kind_is_refused_by_its_path() {
        let warnings = Warnings::default();
        let document = json!({"list": [{"text": 3}], "text": {}, "flag": "yes", "number": 1.5, "null": null});
        let root = Object::root(&document, &warnings).expect("an object");
        let item = root.objects("list").expect("a list").remove(0);
        let refusals = [
            (item.text("text").err(), "`list[0].text` cannot be converted: it is not a text"),
            (root.texts("list").err(), "`list[0]` cannot be converted: it is not a text"),
            (root.flag("flag").err(), "`flag` cannot be converted: it is not true or false"),
            (root.integer("number").err(), "`number` cannot be converted: it is not a whole number"),
            (root.objects("text").err(), "`text` cannot be converted: it is not a list"),
            (item.required_text("name").err(), "`list[0].name` cannot be converted: it is missing"),
            (root.required_text("null").err(), "`null` cannot be converted: it is missing"),
        ];
        for (error, expected) in refusals {
            assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected));
        }
        assert!(Object::root(&json!([]), &warnings).is_err());
    }

    #[test]
    fn what_nobody_asked_for_is_told() {
        let warnings = Warnings::default();
        let document = json!({"id": "x", "known": true, "other": {"deep": 1}, "gone": null});
        let root = Object::root(&document, &warnings).expect("an object");
        root.pass_over(&["id", "absent", "gone"]);
        root.warn("absent", "never told");
        assert_eq!(root.flag("known").ok(), Some(true));
        root.finish();
        assert_eq!(warnings.into_lines(), ["`other`: not known here, and left out"]);
    }
}
