//! The strings of the API as schemas: length, alphabet, and a message that says what is wanted.
//!
//! Where a person will meet the refusal the check is a CEL rule, because a `pattern` can only answer with itself.
//! Used through `#[schemars(schema_with = "...")]`; the field's own doc comment becomes the description.

use schemars::{Schema, SchemaGenerator, json_schema};

const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const SUBDOMAIN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A namespace: a DNS label.
pub(crate) fn namespace(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": LABEL})
}

/// The name of an object of any kind: a DNS subdomain, so no `/` and no `..`.
pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 253, "pattern": SUBDOMAIN})
}

/// The name of a BackupVault: at most 40, since the names of its keeper's objects are made from it.
pub(crate) fn vault_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$",
    })
}

/// The name of a BackupInstance: at most 40, since names of jobs and points are made from it.
pub(crate) fn instance_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 40, "pattern": LABEL})
}

/// A key inside a Secret or ConfigMap.
pub(crate) fn secret_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$"})
}

/// The name of a backup rule, retention rule or replica: what people type after `--tag`.
pub(crate) fn rule_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[A-Za-z]([-_A-Za-z0-9]*[A-Za-z0-9])?$",
    })
}

/// The id of a recovery point as the stored format writes it: 32 lower-case hexadecimal digits.
pub(crate) fn point_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 32, "maxLength": 32, "pattern": "^[0-9a-f]{32}$"})
}

/// How long to keep: one number and one unit.
pub(crate) fn keep(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 3, "maxLength": 7,
        "x-kubernetes-validations": [
            {
                "rule": "self.matches('^P[1-9][0-9]{0,4}[DWMY]$')",
                "message": "must be one number and one unit, such as P30D, P12W, P6M or P10Y",
            },
            {
                "rule": "!self.matches('^P[1-9][0-9]{0,4}[DWMY]$') || int(self.substring(1, size(self) - 1)) <= \
                         (self.endsWith('D') ? 36525 : self.endsWith('W') ? 5217 : self.endsWith('M') ? 1200 : 100)",
                "message": "must be at most 100 years: to keep for ever suspend protection or use deletionPolicy Retain",
            },
        ],
    })
}

/// An IANA or Windows time zone name. Whether it exists is judged by the operator, which carries the data.
pub(crate) fn time_zone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 64,
        "x-kubernetes-validations": [{
            "rule": "self.matches('^[A-Za-z][-A-Za-z0-9_+/.() ]*$') && !self.contains('..')",
            "message": "must be a time zone name such as Europe/Berlin or W. Europe Standard Time",
        }],
    })
}

/// A cron expression. What it means is judged by the operator; here only what can never be one.
pub(crate) fn cron(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 256,
        "x-kubernetes-validations": [
            {
                "rule": "!self.contains('TZ=')",
                "message": "must not name a time zone: put it into `timeZone`",
            },
            {
                "rule": "self.matches('^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$') || \
                         self.matches('^[-0-9A-Za-z*/,]+( [-0-9A-Za-z*/,]+){4}$')",
                "message": "must be five fields (minute, hour, day of month, month, day of week) or one of @hourly, @daily, @weekly, @monthly, @yearly",
            },
        ],
    })
}

/// The host of a database server: a DNS name or an address that means the same from every pod.
pub(crate) fn host(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 253,
        "x-kubernetes-validations": [
            {
                "rule": format!("self.matches('{DNS_NAME}') || self.matches('^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*$')"),
                "message": "must be one DNS name or IP address, without scheme, port, path, brackets or trailing dot",
            },
            {
                "rule": format!("!self.matches('{NUMERIC}') || self.matches('{IPV4}')"),
                "message": "must be a DNS name or a plain address such as 10.0.0.5",
            },
            {
                "rule": format!("!self.lowerAscii().matches('{NOWHERE}')"),
                "message": "must not be a loopback, link-local or metadata address: movers connect from pods of their own",
            },
        ],
    })
}

/// The name of a PostgreSQL database: any name PostgreSQL takes, which excludes control characters.
pub(crate) fn database(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 63,
        "x-kubernetes-validations": [
            {
                "rule": "!self.matches('[\\\\x00-\\\\x1f\\\\x7f-\\\\x{9f}]')",
                "message": "must not contain control characters such as newline or tab",
            },
            {
                "rule": "size(bytes(self)) <= 63",
                "message": "must have at most 63 bytes in UTF-8: PostgreSQL cuts longer names",
            },
            {
                "rule": "!(self in ['template0', 'template1'])",
                "message": "must not be a template database: name the database that holds your data",
            },
        ],
    })
}

/// An S3 bucket name.
pub(crate) fn bucket(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 3, "maxLength": 63,
        "x-kubernetes-validations": [{
            "rule": format!("self.matches('{BUCKET}') && !self.matches('^[0-9.]+$')"),
            "message": "must be a bucket name: 3 to 63 of lower-case letters, digits, dots and hyphens, not an address, not an ARN",
        }],
    })
}

/// A path below a bucket or claim, without leading or trailing slash.
pub(crate) fn prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 512,
        "x-kubernetes-validations": [{
            "rule": "self.matches('^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$')",
            "message": "must be names joined by single slashes, such as team-a/production: no leading or trailing slash, no dot at the start of a name",
        }],
    })
}

/// The address of an object store: https, a host, perhaps a port, nothing else.
pub(crate) fn endpoint(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 9, "maxLength": 300,
        "x-kubernetes-validations": [
            {
                "rule": format!("self.matches('{ENDPOINT}')"),
                "message": "must be https://HOST or https://HOST:PORT, without user, path, query or trailing dot; a private authority goes into `caSecretRef`",
            },
            {
                "rule": format!(
                    "!self.matches('^https://{NUMERIC_HOST}(:|/?$)') || self.matches('^https://{IPV4_HOST}(:|/?$)')"
                ),
                "message": "must name its host as a DNS name or a plain address such as 10.0.0.5",
            },
            {
                "rule": format!("!self.lowerAscii().matches('^https://{NOWHERE_HOST}(:|/?$)')"),
                "message": "must not be a loopback, link-local or metadata address, nor the Kubernetes API server",
            },
        ],
    })
}

/// A map of labels or annotations, small enough to be copied to every pod.
pub(crate) fn label_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 32,
        "additionalProperties": {"type": "string", "maxLength": 1024},
        "x-kubernetes-map-type": "granular",
    })
}

/// New names of databases by their old ones.
pub(crate) fn rename_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 100,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 63},
    })
}

const DNS_NAME: &str =
    "^[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?([.][A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*$";
const IPV4: &str = "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])([.]|$)){4}$";
const IPV4_HOST: &str =
    "((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/// What a resolver may read as an address although it does not look like one: 2130706433, 0x7f.1, 127.1.
const NUMERIC: &str = "^(0[xX][0-9A-Fa-f]*|[0-9]+)([.](0[xX][0-9A-Fa-f]*|[0-9]+))*$";
const NUMERIC_HOST: &str = "(0[xX][0-9A-Fa-f]*|[0-9]+)([.](0[xX][0-9A-Fa-f]*|[0-9]+))*";
const NOWHERE: &str = "^(localhost|.*[.]localhost|127[.].*|0[.]0[.]0[.]0|169[.]254[.].*|metadata[.]google[.]internal|::1?|::ffff:.*|fe80:.*|fd00:ec2:.*)$";
const NOWHERE_HOST: &str = "(localhost|[^:/]*[.]localhost|127[.][^:/]*|0[.]0[.]0[.]0|169[.]254[.][^:/]*|metadata[.]google[.]internal|kubernetes|kubernetes[.]default([.]svc([.]cluster[.]local)?)?)";
const BUCKET: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const ENDPOINT: &str = "^https://[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/?$";
