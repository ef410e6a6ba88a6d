//! The data: a realistic set of two large tables, and one of very many small ones. Drawn from a seed by the server itself.

use std::error::Error;

use super::server::Postgres;

/// The database with two large tables: ten mixed columns, and pgbench's accounts.
pub const LARGE: &str = "large";
/// The database with nothing but the larger of the two.
pub const SINGLE: &str = "single";
/// The database with 2,000 small ones.
pub const SMALL: &str = "small";

const ORDERS: f64 = 6_000_000.0;
const ACCOUNTS: f64 = 10_000_000.0;
const TABLES: f64 = 2_000.0;

/// Fills the databases. `scale` 1 is what the goals speak of.
pub fn fill(postgres: &Postgres, scale: f64, seed: u64) -> Result<(), Box<dyn Error>> {
    for database in [LARGE, SMALL] {
        postgres.sql("postgres", &format!("CREATE DATABASE {database} TEMPLATE template0"))?;
    }
    // A number between -1 and 1 for each seed.
    let seed = format!("SELECT setseed(sin({seed}));");
    postgres.sql(LARGE, &format!("{seed} {}", orders(rows(ORDERS, scale))))?;
    postgres.sql(LARGE, &accounts(rows(ACCOUNTS, scale)))?;
    postgres.sql(LARGE, "VACUUM (FREEZE, ANALYZE)")?;
    postgres.sql(SMALL, &small(rows(TABLES, scale.min(1.0))))?;
    postgres.sql(SMALL, "VACUUM (FREEZE, ANALYZE)")?;
    postgres.sql("postgres", &format!("CREATE DATABASE {SINGLE} TEMPLATE {LARGE} STRATEGY file_copy"))?;
    postgres.sql(SINGLE, "DROP TABLE accounts")?;
    postgres.sql("postgres", "CHECKPOINT")?;
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows is no science")]
fn rows(of_one: f64, scale: f64) -> u64 {
    (of_one * scale).max(1.0) as u64
}

fn orders(rows: u64) -> String {
    format!(
        "CREATE TABLE orders (id bigint, customer integer, placed timestamptz, total numeric(12,2), state text, \
         note text, reference uuid, items jsonb, weight double precision, is_paid boolean); \
         INSERT INTO orders SELECT g, (random() * 500000)::int, timestamptz '2024-01-01 00:00Z' + g * interval '7 s', \
         round((random() * 10000)::numeric, 2), (ARRAY['new', 'packed', 'sent', 'done', 'returned'])[1 + (random() * 4)::int], \
         'order ' || g || ' of ' || md5((random() * 100000)::int::text), \
         md5(g::text || random()::text)::uuid, \
         jsonb_build_object('sku', 'A' || (random() * 9999)::int, 'n', (random() * 9)::int, 'gift', random() < 0.1), \
         random() * 40, random() < 0.7 FROM generate_series(1, {rows}) g; \
         ALTER TABLE orders ADD PRIMARY KEY (id); CREATE INDEX ON orders (customer);"
    )
}

fn accounts(rows: u64) -> String {
    format!(
        "CREATE TABLE accounts (aid integer, bid integer, abalance integer, filler character(84)); \
         INSERT INTO accounts SELECT g, 1 + g / 100000, 0, '' FROM generate_series(1, {rows}) g; \
         ALTER TABLE accounts ADD PRIMARY KEY (aid);"
    )
}

fn small(tables: u64) -> String {
    format!(
        "DO $$ BEGIN FOR t IN 1..{tables} LOOP \
         EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text, b timestamptz)', t); \
         EXECUTE format('INSERT INTO t%s SELECT g, md5(g::text), timestamptz ''2026-01-01 00:00Z'' FROM generate_series(1, 100) g', t); \
         END LOOP; END $$"
    )
}
