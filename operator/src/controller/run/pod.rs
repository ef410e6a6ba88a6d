//! The pod of one attempt: one container under the restricted Pod Security Standard, without an API token, whose only
//! input is the assignment and whose only output is the termination message.

use contract::files;
use crds::vault::{FilesystemStorage, PodTemplate};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, EmptyDirVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource,
    PodAffinity, PodAffinityTerm, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile,
    SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::ResourceExt as _;

use super::memory;
use super::plan::{Plan, Role};
use crate::controller::vault::keeper_selector;
use crate::names;

/// User and group of keeper and movers alike: they share a filesystem vault.
const USER: i64 = 65532;
/// Readable by the user alone; the kubelet adds the group by fsGroup.
const SECRET_MODE: i32 = 0o400;
const SCRATCH_SIZE: &str = "16Mi";
/// A mover that is told to stop closes its sessions and drops an unfinished database of its own.
const GRACE_SECONDS: i64 = 60;

const ASSIGNMENT_VOLUME: &str = "assignment";
const SCRATCH_VOLUME: &str = "scratch";
const VAULT_VOLUME: &str = "vault";

pub fn template(plan: &Plan<'_>) -> PodTemplateSpec {
    let wishes = plan.vault.spec.pod_template.clone().unwrap_or_default();
    let mut all_labels = wishes.labels.clone().unwrap_or_default();
    all_labels.extend(plan.labels());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(all_labels),
            annotations: wishes.annotations.clone(),
            ..ObjectMeta::default()
        }),
        spec: Some(spec(plan, wishes)),
    }
}

fn spec(plan: &Plan<'_>, wishes: PodTemplate) -> PodSpec {
    PodSpec {
        containers: vec![container(plan, &wishes)],
        volumes: Some(volumes(plan)),
        restart_policy: Some("Never".into()),
        service_account_name: Some(names::mover(&plan.vault.name_any())),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            // A vault may hold millions of files; their owner is right after the first mount.
            fs_group_change_policy: Some("OnRootMismatch".into()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        affinity: affinity(plan, wishes.affinity),
        node_selector: wishes.node_selector,
        tolerations: wishes.tolerations,
        topology_spread_constraints: wishes.topology_spread_constraints,
        priority_class_name: wishes.priority_class_name,
        image_pull_secrets: wishes.image_pull_secrets,
        ..PodSpec::default()
    }
}

fn container(plan: &Plan<'_>, wishes: &PodTemplate) -> Container {
    Container {
        name: names::MOVER_CONTAINER.into(),
        image: Some(plan.settings.image.clone()),
        image_pull_policy: Some(plan.settings.image_pull_policy.clone()),
        args: Some(vec!["mover".into()]),
        resources: Some(memory::resources(wishes.resources.as_ref(), plan.relations, plan.lanes())),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
            ..SecurityContext::default()
        }),
        termination_message_path: Some(files::TERMINATION_MESSAGE.into()),
        // A log is no report.
        termination_message_policy: Some("File".into()),
        volume_mounts: Some(mounts(plan)),
        ..Container::default()
    }
}

fn volumes(plan: &Plan<'_>) -> Vec<Volume> {
    let assignment = Volume {
        name: ASSIGNMENT_VOLUME.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(plan.name.clone()),
            default_mode: Some(SECRET_MODE),
            items: Some(vec![KeyToPath {
                key: files::ASSIGNMENT_KEY.into(),
                path: files::ASSIGNMENT_KEY.into(),
                ..KeyToPath::default()
            }]),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    };
    let scratch = Volume {
        name: SCRATCH_VOLUME.into(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".into()),
            size_limit: Some(Quantity(SCRATCH_SIZE.into())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    };
    let vault = claim(plan).map(|filesystem| Volume {
        name: VAULT_VOLUME.into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: filesystem.claim_name.clone(),
            read_only: None,
        }),
        ..Volume::default()
    });
    [Some(assignment), Some(scratch), vault].into_iter().flatten().collect()
}

fn mounts(plan: &Plan<'_>) -> Vec<VolumeMount> {
    let directory = files::ASSIGNMENT.rsplit_once('/').map_or(files::ASSIGNMENT, |(directory, _)| directory);
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let vault = claim(plan).map(|_| mount(VAULT_VOLUME, files::VAULT_VOLUME, false));
    let always = [mount(ASSIGNMENT_VOLUME, directory, true), mount(SCRATCH_VOLUME, files::SCRATCH, false)];
    always.into_iter().chain(vault).collect()
}

/// The claim of a filesystem vault. A check does not come near the vault.
fn claim<'a>(plan: &'a Plan<'_>) -> Option<&'a FilesystemStorage> {
    match plan.role {
        Role::Mover => plan.vault.spec.storage.filesystem.as_ref(),
        Role::Check => None,
    }
}

/// The vault's wishes, and the keeper's node where the claim can be mounted on one node only.
fn affinity(plan: &Plan<'_>, wished: Option<Affinity>) -> Option<Affinity> {
    if !plan.beside_keeper || claim(plan).is_none() {
        return wished;
    }
    let mut affinity = wished.unwrap_or_default();
    let pods = affinity.pod_affinity.get_or_insert_with(PodAffinity::default);
    pods.required_during_scheduling_ignored_during_execution.get_or_insert_default().push(PodAffinityTerm {
        topology_key: "kubernetes.io/hostname".into(),
        label_selector: Some(LabelSelector {
            match_labels: Some(keeper_selector(&plan.vault.name_any())),
            match_expressions: None,
        }),
        ..PodAffinityTerm::default()
    });
    Some(affinity)
}
