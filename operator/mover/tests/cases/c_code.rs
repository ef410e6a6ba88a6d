//! Constraints and code.

use crate::Copied;

#[tokio::test(flavor = "multi_thread")]
async fn c1_constraints_indexes_functions_triggers_rules_and_policies() {
    let copied = Copied::of("case_c1", include_str!("../data/cases/c_code.sql")).await;
    copied.expect_same(&["SELECT * FROM c.seen"]).await;
    assert_eq!(copied.ask("SELECT count(*) FROM c.fired"), "0", "no event trigger fires during a restore");
    assert_eq!(copied.ask("SELECT count(*) FROM c.seen"), "1", "a view shows what its owner may see");
}
