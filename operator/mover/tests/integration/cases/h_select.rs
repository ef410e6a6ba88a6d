//! Single tables and schemas, into a new database and into one that is in use.

use contract::{Credentials, Failure, FailureCode, PointId, Secret};
use mover::restore::{Rename, RestoreDone, Selection};

use super::server;
use crate::vaulted::Vault;

fn tables(names: &[&str]) -> Selection {
    let names = names.iter().map(|name| name.split_once('.').unwrap());
    let relations = names.map(|(schema, name)| (schema.into(), name.into())).collect();
    Selection { relations, ..Selection::default() }
}

fn schema(name: &str) -> Selection {
    Selection { schemas: vec![name.into()], ..Selection::default() }
}

/// A database and a point of it.
struct Shop {
    vault: Vault,
    point: PointId,
    name: String,
}

impl Shop {
    async fn open(name: &str) -> Self {
        server().create_database(name);
        server().sql(name, include_str!("../../data/cases/h_shop.sql"));
        let vault = Vault::new().await;
        let point = vault.back_up(server(), name).await;
        Self { vault, point, name: name.to_owned() }
    }

    async fn restore(&self, database: &str, selection: Selection) -> Result<RestoreDone, Failure> {
        self.vault.restore_selection(database, server(), &self.point, database, selection).await
    }

    /// These tables are described and filled alike in both databases, but for lines with one of these words.
    fn expect_same(&self, database: &str, tables: &[&str], without: &[&str]) {
        for table in tables {
            let dump = |database: &str| {
                let dump = server().dump(database, &["--table", table]);
                let dump = String::from_utf8(dump).unwrap();
                let lines = dump.lines().filter(|line| {
                    !line.contains("restrict ")
                        && !line.starts_with("--")
                        && !without.iter().any(|word| line.contains(word))
                });
                let mut lines: Vec<String> =
                    lines.map(str::to_owned).filter(|line| !line.is_empty()).collect();
                lines.sort();
                lines
            };
            let (before, after) = (dump(&self.name), dump(database));
            assert!(before.len() > 10, "{table}: {before:?}");
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(before, after, "{table}");
            }
            assert_eq!(before.len(), after.len(), "{table}");
        }
    }
}

const RELATIONS: &str = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c
    WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('shop', 'other'))
    AND relkind IN ('r', 'p', 'v', 'm', 'S')";

#[tokio::test(flavor = "multi_thread")]
async fn h4_one_table_comes_with_all_that_is_its_own_into_a_new_database_or_one_in_use() {
    let shop = Shop::open("h_table").await;
    let orders = || tables(&["shop.orders"]);
    let left_out = ["orders_customer_fkey", "FOREIGN KEY", "setval"];

    let done = shop.restore("h_table_new", orders()).await.unwrap();
    let told = |done: &RestoreDone, part: &str| done.warnings.iter().any(|warning| warning.contains(part));
    assert!(told(&done, "orders_customer_fkey is left out"), "{:?}", done.warnings);
    assert_eq!((done.summary.tables, done.summary.rows), (1, 5000));
    assert_eq!(server().sql("h_table_new", RELATIONS), "orders orders_id_seq orders_number_seq");
    let keys =
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'shop.orders'::regclass AND contype = 'f'";
    assert_eq!(server().sql("h_table_new", keys), "0");
    let columns = "SELECT count(*), sum(id), sum(number), sum(amount), count(mood), md5(string_agg(note, '' ORDER BY id)) FROM shop.orders";
    assert_eq!(server().sql("h_table_new", columns), server().sql("h_table", columns));
    let next = "SELECT nextval('shop.orders_id_seq'), nextval('shop.orders_number_seq')";
    assert_eq!(server().sql("h_table_new", next), "5001|5500");
    let privileges = "SELECT has_schema_privilege('bob', 'shop', 'USAGE'), has_table_privilege('bob', 'shop.orders', 'SELECT')";
    assert_eq!(server().sql("h_table_new", privileges), "t|t");

    // In the database itself, after the table was lost: what refers to it is there, what it refers to as well.
    server().sql("h_table", "DROP TABLE shop.orders CASCADE");
    let rows_before = server().sql("h_table", "SELECT count(*) FROM shop.lines");
    let done = shop.restore("h_table", orders()).await.unwrap();
    assert!(told(&done, "mood is there already and was taken as it is"), "{:?}", done.warnings);
    assert_eq!(server().sql("h_table", columns), server().sql("h_table_new", columns));
    shop.expect_same("h_table_new", &["shop.orders"], &left_out);
    assert_eq!(server().sql("h_table", "SELECT count(*) FROM shop.lines"), rows_before);
    let comment = "SELECT count(*) FROM pg_shdescription d JOIN pg_database b ON b.oid = d.objoid WHERE b.datname = 'h_table'";
    assert_eq!(server().sql("h_table", comment), "0", "a database in use is not called unfinished");

    // What is there is left alone, and nothing is added.
    let before = server().sql("h_table", RELATIONS);
    let refused = shop.restore("h_table", tables(&["shop.events", "shop.orders"])).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TargetExists, "{refused:?}");
    assert_eq!(server().sql("h_table", RELATIONS), before);
    let unknown = shop.restore("h_table_x", tables(&["shop.order"])).await.unwrap_err();
    assert_eq!(unknown.code, FailureCode::BadAssignment, "{unknown:?}");
    assert!(unknown.message.contains("\"shop\".\"order\""), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_one_table_comes_back_by_a_role_that_may_do_no_more_than_create_in_its_schema() {
    let name = "h_plain";
    server().sql("postgres", "CREATE ROLE h_plain LOGIN PASSWORD 'x'");
    server().create_database(name);
    server().sql(
        name,
        "CREATE SCHEMA s; GRANT CREATE, USAGE ON SCHEMA s TO h_plain; SET ROLE h_plain;
         CREATE TABLE s.t (id serial PRIMARY KEY, v text); INSERT INTO s.t (v) SELECT 'v' || g FROM generate_series(1, 100) g",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server(), name).await;
    server().sql(name, "DROP TABLE s.t");
    let mut target = server().connection("postgres");
    target.credentials = Credentials::Password { username: "h_plain".into(), password: Secret::new("x") };
    vault.restore_selection_by("h_plain0", target, &point, name, tables(&["s.t"])).await.unwrap();
    assert_eq!(server().sql(name, "SELECT count(*), max(v), nextval('s.t_id_seq') FROM s.t"), "100|v99|101");
    assert_eq!(server().sql(name, "SELECT tableowner FROM pg_tables WHERE schemaname = 's'"), "h_plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_one_table_that_is_partitioned_comes_with_its_partitions_and_a_key_between_selected_tables_stays()
{
    let shop = Shop::open("h_parts").await;
    let selected = tables(&["shop.events", "shop.orders", "shop.customers"]);
    let done = shop.restore("h_parts_new", selected).await.unwrap();
    assert_eq!(done.warnings, [""; 0]);
    shop.expect_same(
        "h_parts_new",
        &["shop.events", "shop.events_2026", "shop.orders", "shop.customers"],
        &[],
    );
    let attached = "SELECT count(*) FROM pg_inherits";
    assert_eq!(server().sql("h_parts_new", attached), server().sql("h_parts", attached));

    let done = shop.restore("h_parts_one", tables(&["shop.events_2025"])).await.unwrap();
    assert!(done.warnings.iter().any(|warning| warning.contains("stands by itself")), "{:?}", done.warnings);
    let count = "SELECT count(*), count(DISTINCT what) FROM shop.events_2025";
    assert_eq!(server().sql("h_parts_one", count), server().sql("h_parts", count));
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_one_schema_comes_with_all_that_is_in_it_and_what_that_needs() {
    let shop = Shop::open("h_schema").await;
    let done = shop.restore("h_schema_new", schema("shop")).await.unwrap();
    assert_eq!(done.warnings, [""; 0]);
    // Objects of one kind may come in the order of their numbers, which every database gives out anew.
    let dump = |database: &str| {
        let dump = String::from_utf8(server().dump(database, &["--schema", "shop"])).unwrap();
        let lines = dump.lines().filter(|line| !line.contains("restrict ") && !line.starts_with("--"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (before, after) = (dump("h_schema"), dump("h_schema_new"));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    assert_eq!(
        server().sql("h_schema_new", "SELECT count(*) FROM pg_namespace WHERE nspname = 'other'"),
        "0"
    );
    assert_eq!(server().sql("h_schema_new", "SELECT count(*) FROM shop.sums"), "100");

    // A schema that needs another: its types come, its tables without their rows where something needs them.
    let done = shop.restore("h_schema_other", schema("other")).await.unwrap();
    assert!(done.warnings.iter().any(|warning| warning.contains("is left out")), "{:?}", done.warnings);
    assert_eq!(server().sql("h_schema_other", RELATIONS), "audit");
    assert_eq!(server().sql("h_schema_other", "SELECT count(mood) FROM other.audit"), "10");

    let refused = shop.restore("h_schema", schema("shop")).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TargetExists, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_rename_puts_a_schema_beside_the_one_in_use_and_a_table_under_a_new_name() {
    let shop = Shop::open("h_rename").await;
    server().sql("h_rename", "UPDATE shop.orders SET note = 'spoiled'");
    let beside = || Rename::Schema { from: "shop".into(), to: "shop_before".into() };
    let selection = Selection { renames: vec![beside()], ..schema("shop") };
    let done = shop.restore("h_rename", selection.clone()).await.unwrap();
    let spoiled = "SELECT (SELECT count(*) FROM shop.orders WHERE note = 'spoiled'), \
                   (SELECT count(*) FROM shop_before.orders WHERE note = 'spoiled'), \
                   (SELECT count(*) FROM shop_before.orders), (SELECT count(*) FROM shop_before.cross_orders)";
    assert_eq!(server().sql("h_rename", spoiled), "5000|0|5000|1667", "{:?}", done.warnings);
    let aside = "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'coffer'";
    assert_eq!(server().sql("h_rename", aside), "0");
    // Nothing of the new one refers to the old one.
    let between = "SELECT count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
                   JOIN pg_class f ON f.oid = k.confrelid WHERE c.relnamespace <> f.relnamespace \
                   AND c.relnamespace = 'shop_before'::regnamespace";
    assert_eq!(server().sql("h_rename", between), "0");
    let again = shop.restore("h_rename", selection).await.unwrap_err();
    assert_eq!(again.code, FailureCode::TargetExists, "{again:?}");

    let rename =
        Rename::Relation { schema: "shop".into(), from: "orders".into(), to: "old \"orders\"".into() };
    let selection = Selection { renames: vec![rename, beside()], ..tables(&["shop.orders"]) };
    shop.restore("h_rename_new", selection).await.unwrap();
    let count = "SELECT count(*) FROM shop_before.\"old \"\"orders\"\"\"";
    assert_eq!(server().sql("h_rename_new", count), "5000");
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_one_table_reads_only_the_objects_that_hold_its_rows() {
    let name = "h_reads";
    server().create_database(name);
    server().sql(
        name,
        "CREATE TABLE large AS SELECT g, encode(sha512(g::text::bytea), 'hex') || encode(sha512((-g)::text::bytea), 'hex') AS pad
           FROM generate_series(1, 200000) g;
         CREATE TABLE small AS SELECT 1 AS one",
    );
    // One lane fills one pack with rows of the large table before it comes to the small one.
    let mut vault = Vault::new().await;
    vault.limits.lanes = 1;
    let point = vault.back_up(server(), name).await;
    let largest = vault.largest_object();
    std::fs::remove_file(&largest).unwrap();
    vault
        .restore_selection("h_reads_new", server(), &point, "h_reads_new", tables(&["public.small"]))
        .await
        .unwrap();
    assert_eq!(server().sql("h_reads_new", "SELECT one FROM public.small"), "1");
    let all = vault
        .restore_selection("h_reads_all", server(), &point, "h_reads_all", tables(&["public.large"]))
        .await;
    assert_eq!(all.unwrap_err().code, FailureCode::Damaged);
}
