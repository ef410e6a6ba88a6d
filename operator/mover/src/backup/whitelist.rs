//! Which columns may travel in COPY's binary format. It is exact and loads faster, but only types whose binary form names
//! no object of its own server, and has not changed for many major versions, mean the same elsewhere.

/// Types whose rows are read in binary wherever all of a table's columns are among them. OIDs of built-in types are the
/// same on every server. Arrays of them name the element's OID, which is as fixed.
const PREFERRED: [u32; 54] = [
    16, 1000, // boolean
    17, 1001, // bytea
    18, 1002, // "char"
    19, 1003, // name
    20, 1016, // bigint
    21, 1005, // smallint
    23, 1007, // integer
    25, 1009, // text
    26, 1028, // oid
    114, 199, // json
    700, 1021, // real
    701, 1022, // double precision
    829, 1040, // macaddr
    774, 775, // macaddr8
    869, 1041, // inet
    650, 651, // cidr
    1042, 1014, // character
    1043, 1015, // character varying
    1082, 1182, // date
    1083, 1183, // time
    1114, 1115, // timestamp
    1184, 1185, // timestamp with time zone
    1186, 1187, // interval
    1266, 1270, // time with time zone
    1700, 1231, // numeric
    2950, 2951, // uuid
    3802, 3807, // jsonb
];

/// Further types that are read in binary only when a row is too large to be written as text.
const POSSIBLE: [u32; 20] = [
    142, 143, // xml
    600, 1017, // point
    601, 1018, // line segment
    602, 1019, // path
    603, 1020, // box
    604, 1027, // polygon
    628, 629, // line
    718, 719, // circle
    1560, 1561, // bit
    1562, 1563, // bit varying
];

/// OIDs of the types that are read in binary, for SQL.
pub fn preferred() -> String {
    list(PREFERRED.iter())
}

/// OIDs of the types that can be read in binary at all, for SQL.
pub fn possible() -> String {
    list(PREFERRED.iter().chain(&POSSIBLE))
}

fn list<'a>(oids: impl Iterator<Item = &'a u32>) -> String {
    let oids: Vec<String> = oids.map(u32::to_string).collect();
    oids.join(", ")
}
