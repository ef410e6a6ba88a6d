//! More instances on the scene's server, each with a database, a Secret and a Service of its own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::Scene;

/// A database, a Secret, a Service and an instance of that name.
pub fn protect(scene: &Scene, name: &str) {
    sql(scene, &format!("CREATE DATABASE \"{name}\""));
    apply(scene, &secret(scene, name));
    apply(scene, &service(scene, name, "postgres"));
    let names = &scene.shop.names;
    let instance = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": name, "namespace": names.tenant},
        "spec": {
            "vaultRef": {"name": names.vault, "namespace": names.vault_namespace},
            "policyRef": {"name": names.policy, "namespace": names.vault_namespace},
            "postgresql": {
                "host": format!("{name}.{}.svc", names.tenant), "database": name,
                "credentialsSecretRef": {"name": name},
                // The server's certificate is for its first Service.
                "tls": {"mode": "VerifyCa", "caSecretRef": {"name": "postgres-ca", "key": "ca.crt"}},
            },
        },
    });
    apply(scene, &instance);
}

pub fn secret(scene: &Scene, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": scene.shop.names.tenant},
        "stringData": {"username": "postgres", "password": scene.password},
    })
}

pub fn service(scene: &Scene, name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": scene.shop.names.tenant},
        "spec": {"selector": {"app": app}, "ports": [{"name": "postgresql", "port": 5432}]},
    })
}

pub fn apply(scene: &Scene, object: &Value) {
    scene
        .shop
        .kubectl
        .run_with_input(&["apply", "-f", "-"], Some(&object.to_string()))
        .expect("it is applied");
}

pub fn sql(scene: &Scene, statement: &str) {
    scene.shop.postgres.sql("postgres", statement).expect("the statement runs");
}

pub fn read(scene: &Scene, instance: &str) -> Value {
    let found = scene.shop.kubectl.find("binst", &scene.shop.names.tenant, instance);
    found.expect("the instance is read").expect("the instance is there")
}

pub fn becomes_ready(scene: &Scene, instance: &str, limit: Duration) {
    scene
        .shop
        .kubectl
        .wait("condition=BackupReady", &format!("binst/{instance}"), &scene.shop.names.tenant, limit)
        .unwrap_or_else(|error| panic!("it does not become ready: {error}\n{}", describe(scene, instance)));
}

fn describe(scene: &Scene, instance: &str) -> String {
    let describe = ["describe", "binst", instance, "-n", &scene.shop.names.tenant];
    scene.shop.kubectl.run(&describe).unwrap_or_default()
}
