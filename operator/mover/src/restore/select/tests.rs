//! Selections of a small schema.

use super::*;

/// Entries in the archive's order; ids count from 1.
#[derive(Default)]
struct Schema(Vec<Outline>);

impl Schema {
    fn add(&mut self, kind: Kind, name: &str, dependencies: &[u32]) -> u32 {
        let id = u32::try_from(self.0.len()).unwrap() + 1;
        let (namespace, tag) = match name.split_once('.') {
            Some((namespace, tag)) => (Some(namespace.into()), tag),
            None => (None, name),
        };
        self.0.push(Outline { id, kind, namespace, tag: tag.into(), dependencies: dependencies.to_vec() });
        id
    }
}

fn tables(names: &[&str]) -> Selection {
    let relations = names.iter().map(|name| name.split_once('.').unwrap());
    let relations = relations.map(|(schema, name)| (schema.into(), name.into())).collect();
    Selection { relations, ..Selection::default() }
}

fn chosen(schema: &Schema, selection: &Selection) -> (Vec<String>, Chosen) {
    let chosen = choose(&schema.0, selection);
    let entries = schema.0.iter().filter(|entry| chosen.entries.contains(&entry.id));
    let names = entries.map(|entry| {
        let mark = if chosen.needed.contains(&entry.id) { "+" } else { "" };
        format!("{mark}{} {}", entry.kind, entry.full_name())
    });
    (names.collect(), chosen)
}

fn shop() -> Schema {
    let mut schema = Schema::default();
    let app = schema.add(Kind::Schema, "app", &[]);
    let acl = schema.add(Kind::Acl, "SCHEMA app", &[app]);
    assert_eq!(acl, 2);
    let mood = schema.add(Kind::Type, "app.mood", &[app]);
    let check = schema.add(Kind::Function, "app.check_it()", &[app]);
    let customers = schema.add(Kind::Table, "app.customers", &[app]);
    let orders = schema.add(Kind::Table, "app.orders", &[app, mood]);
    schema.add(Kind::Acl, "app.TABLE orders", &[orders]);
    let numbers = schema.add(Kind::Sequence, "app.orders_id_seq", &[orders, app]);
    schema.add(Kind::SequenceOwner, "app.orders_id_seq", &[numbers]);
    schema.add(Kind::View, "app.overview", &[app, orders, customers]);
    schema.add(Kind::Default, "app.orders id", &[orders, numbers]);
    let customer_key = schema.add(Kind::Constraint, "app.customers customers_pkey", &[customers]);
    schema.add(Kind::Constraint, "app.orders orders_pkey", &[orders]);
    schema.add(Kind::Index, "app.orders_by_mood", &[orders, mood]);
    schema.add(Kind::Index, "app.customers_by_name", &[customers]);
    schema.add(Kind::Trigger, "app.orders checked", &[orders, check]);
    schema.add(Kind::Policy, "app.customers own", &[customers, orders]);
    let foreign = schema.add(Kind::ForeignKey, "app.orders of_customer", &[orders, customers, customer_key]);
    schema.add(Kind::Comment, "app.CONSTRAINT of_customer ON orders", &[foreign]);
    schema.add(Kind::PublicationTable, "app.all orders", &[orders]);
    schema
}

#[test]
fn a_table_comes_with_its_parts_and_with_what_they_depend_on() {
    let (entries, chosen) = chosen(&shop(), &tables(&["app.orders"]));
    assert_eq!(
        entries,
        [
            "+SCHEMA app",
            "+ACL SCHEMA app",
            "+TYPE app.mood",
            "+FUNCTION app.check_it()",
            "TABLE app.orders",
            "ACL app.TABLE orders",
            "SEQUENCE app.orders_id_seq",
            "SEQUENCE OWNED BY app.orders_id_seq",
            "DEFAULT app.orders id",
            "CONSTRAINT app.orders orders_pkey",
            "INDEX app.orders_by_mood",
            "TRIGGER app.orders checked",
        ]
    );
    assert!(chosen.has_rows_of(&"app".into(), &"orders".into()));
    assert!(!chosen.has_rows_of(&"app".into(), &"customers".into()));
    assert!(chosen.has_value_of(&"app".into(), &"orders_id_seq".into()));
    assert_eq!(
        chosen.remarks,
        ["foreign key app.orders of_customer is left out: app.customers is not selected"]
    );
}

#[test]
fn a_foreign_key_between_selected_tables_comes_with_what_is_said_of_it() {
    let (entries, chosen) = chosen(&shop(), &tables(&["app.orders", "app.customers"]));
    for expected in
        ["FK CONSTRAINT app.orders of_customer", "POLICY app.customers own", "INDEX app.customers_by_name"]
    {
        assert!(entries.iter().any(|entry| entry == expected), "{expected}: {entries:?}");
    }
    assert!(entries.iter().any(|entry| entry.starts_with("COMMENT app.CONSTRAINT")), "{entries:?}");
    assert_eq!(chosen.remarks, [""; 0]);
}

#[test]
fn a_view_brings_its_tables_without_their_rows_and_says_so() {
    let (entries, chosen) = chosen(&shop(), &tables(&["app.overview"]));
    assert!(entries.contains(&"+TABLE app.orders".to_owned()), "{entries:?}");
    assert!(!entries.iter().any(|entry| entry.contains("orders_pkey")), "{entries:?}");
    assert_eq!(chosen.tables.len(), 0);
    assert_eq!(chosen.remarks.len(), 2, "{:?}", chosen.remarks);
    assert!(chosen.remarks.iter().all(|remark| remark.contains("without its rows")), "{:?}", chosen.remarks);
}

#[test]
fn a_schema_comes_with_everything_in_it_but_what_publishes_it() {
    let schema = shop();
    let selection = Selection { schemas: vec!["app".into()], ..Selection::default() };
    let (entries, chosen) = chosen(&schema, &selection);
    assert_eq!(entries.len(), schema.0.len() - 1, "{entries:?}");
    assert!(!entries.iter().any(|entry| entry.starts_with("PUBLICATION")), "{entries:?}");
    assert!(chosen.needed.is_empty() && chosen.remarks.is_empty(), "{chosen:?}");
}

#[test]
fn partitions_come_with_their_root_and_one_alone_stands_by_itself() {
    let mut schema = Schema::default();
    let root = schema.add(Kind::Table, "s.root", &[]);
    let part = schema.add(Kind::Table, "s.part", &[root]);
    schema.add(Kind::TableAttach, "s.part", &[part, root]);
    let leaf = schema.add(Kind::Table, "s.leaf", &[part]);
    schema.add(Kind::TableAttach, "s.leaf", &[leaf, part]);
    let root_index = schema.add(Kind::Index, "s.root_index", &[root]);
    let part_index = schema.add(Kind::Index, "s.part_index", &[part, part, root_index]);
    let leaf_index = schema.add(Kind::Index, "s.leaf_index", &[leaf, leaf, part_index]);
    schema.add(Kind::IndexAttach, "s.part_index", &[part_index, root_index, part, root]);
    schema.add(Kind::IndexAttach, "s.leaf_index", &[leaf_index, part_index, leaf, part]);
    let (entries, whole) = chosen(&schema, &tables(&["s.root"]));
    assert_eq!(entries.len(), schema.0.len(), "{entries:?}");
    assert!(whole.has_rows_of(&"s".into(), &"leaf".into()));
    let (entries, alone) = chosen(&schema, &tables(&["s.leaf"]));
    assert_eq!(entries, ["TABLE s.leaf", "INDEX s.leaf_index"]);
    assert_eq!(alone.remarks, ["s.leaf stands by itself: s.part is not selected"]);
}

#[test]
fn a_sequence_alone_and_one_that_a_default_draws_from_leave_their_table_behind() {
    let mut schema = shop();
    let numbers = schema.0.iter().find(|entry| entry.kind == Kind::Sequence).unwrap().id;
    let (entries, _) = chosen(&schema, &tables(&["app.orders_id_seq"]));
    assert_eq!(entries, ["+SCHEMA app", "+ACL SCHEMA app", "SEQUENCE app.orders_id_seq"]);
    let other = schema.add(Kind::Table, "app.other", &[1]);
    schema.add(Kind::Default, "app.other id", &[other, numbers]);
    let (entries, chosen) = chosen(&schema, &tables(&["app.other"]));
    assert!(entries.contains(&"+SEQUENCE app.orders_id_seq".to_owned()), "{entries:?}");
    assert!(!entries.iter().any(|entry| entry.contains("TABLE app.orders")), "{entries:?}");
    assert!(chosen.has_value_of(&"app".into(), &"orders_id_seq".into()));
}

#[test]
fn names_that_are_not_there_are_told() {
    let mut selection = tables(&["app.nothing", "app.orders"]);
    selection.schemas.push("nowhere".into());
    selection.renames = vec![
        Rename::Relation { schema: "app".into(), from: "customers".into(), to: "x".into() },
        Rename::Schema { from: "other".into(), to: "x".into() },
        Rename::Schema { from: "app".into(), to: "x".into() },
    ];
    let (_, chosen) = chosen(&shop(), &selection);
    assert_eq!(chosen.unknown.len(), 4, "{:?}", chosen.unknown);
    assert_eq!(chosen.renames(), [(Kind::Schema, selection.renames[2].clone())]);
}

#[test]
fn a_part_is_told_from_that_of_a_table_with_a_longer_name() {
    let mut schema = Schema::default();
    let table = schema.add(Kind::Table, "s.a", &[]);
    let longer = schema.add(Kind::Table, "s.ab", &[]);
    schema.add(Kind::Constraint, "s.a a_pkey", &[table]);
    schema.add(Kind::Constraint, "s.ab ab_pkey", &[longer]);
    schema.add(Kind::Rule, "s.ab copies", &[longer, table]);
    assert_eq!(chosen(&schema, &tables(&["s.a"])).0, ["TABLE s.a", "CONSTRAINT s.a a_pkey"]);
}
