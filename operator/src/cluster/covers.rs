//! Whether an object on the API server is already as we want it, so that nothing needs to be written.

use serde_json::Value;

/// Whether `live` has everything that `wanted` names. What the server added (defaults, status, other people's labels)
/// does not matter; lists must agree item by item. Quantities are compared by their value: `1000m` is `1`.
pub fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| value.is_null() || live.get(key).is_some_and(|held| covers(held, value))),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(held, value)| covers(held, value))
        }
        (Value::String(live), Value::String(wanted)) => {
            live == wanted || quantity(live).is_some_and(|value| Some(value) == quantity(wanted))
        }
        (live, wanted) => live == wanted,
    }
}

/// A Kubernetes quantity in thousandths, if the text is one with a unit or decimals that we can compare.
fn quantity(text: &str) -> Option<i128> {
    const UNITS: [(&str, i128); 12] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("m", 0),
        ("", 1),
    ];
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 3
        || whole.is_empty()
        || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    let thousandths = format!("{whole}{fraction:0<3}").parse::<i128>().ok()?;
    if factor == 0 { Some(thousandths / 1000) } else { thousandths.checked_mul(factor) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_added_does_not_matter() {
        let live = json!({"spec": {"replicas": 1, "revisionHistoryLimit": 10}, "status": {"ready": 1}});
        assert!(covers(&live, &json!({"spec": {"replicas": 1}})));
        assert!(!covers(&live, &json!({"spec": {"replicas": 2}})));
        assert!(!covers(&live, &json!({"spec": {"paused": true}})));
        assert!(covers(&live, &json!({"spec": {"paused": null}})), "a null asks for nothing");
    }

    #[test]
    fn lists_agree_item_by_item() {
        let live = json!([{"name": "a", "extra": 1}, {"name": "b"}]);
        assert!(covers(&live, &json!([{"name": "a"}, {"name": "b"}])));
        assert!(!covers(&live, &json!([{"name": "b"}, {"name": "a"}])));
        assert!(!covers(&live, &json!([{"name": "a"}])));
    }

    #[test]
    fn quantities_are_compared_by_value() {
        for (left, right) in
            [("1000m", "1"), ("1024Mi", "1Gi"), ("0.5", "500m"), ("2k", "2000"), ("1.5Gi", "1536Mi")]
        {
            assert!(covers(&json!(left), &json!(right)), "{left} {right}");
        }
        for (left, right) in [("1", "2"), ("1Gi", "1G"), ("abc", "abd"), ("1Mi", "x"), ("", "0")] {
            assert!(!covers(&json!(left), &json!(right)), "{left} {right}");
        }
    }
}
