//! Where the operator may not read a tenant's Secrets the instance says so, with the command that allows it, and that command
//! is enough.

use std::time::Duration;

use e2e::world::HARDLY_EVER;

use crate::scene::{Kind, condition, scene, setting, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_b05_a_secret_that_may_not_be_read_is_told_with_the_command_that_allows_it() {
    let scene = scene(Kind::Claim, 200);
    let (setting, shop) = (setting(), &scene.shop);
    // The next story installs the chart as stories have it.
    let of_each_tenant = ["--set", "secretReader.clusterWide=false"];
    setting.chart().install(&setting.image, &[], &of_each_tenant).expect("the chart installs");
    shop.apply_protection(HARDLY_EVER).expect("policy and instance are accepted");
    let told = until("the Secret is forbidden", 3 * MINUTE, || {
        let ready = condition(&scene.instance()?, "BackupReady")?;
        (ready["reason"] == "SecretForbidden").then_some(ready)
    });
    let message = told["message"].as_str().expect("a message");
    assert!(message.contains(&format!("Secret {}/postgres-superuser", shop.names.tenant)), "{message}");
    let command = message.split('`').find_map(|quoted| quoted.strip_prefix("kubectl ")).expect("a command");
    let words: Vec<&str> = command.split_whitespace().collect();
    shop.kubectl.run(&words).expect("the command runs as it is told");
    shop.wait_until_protected().expect("it was enough");
    scene.back_up("allowed");
}
