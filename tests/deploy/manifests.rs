//! Dockerfile, Compose file and `CronJob` say what they must, in their own syntax.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, Yaml};

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const CRONJOB: &str = include_str!("../../deploy/cronjob.yaml");

/// The value at a path of keys, as text; `-` takes the first of a list.
fn at<'a>(mut node: &'a Yaml<'a>, path: &str) -> String {
    for key in path.split('.') {
        let next = if key == "-" { node.as_sequence().and_then(|list| list.first()) } else { node.as_mapping_get(key) };
        node = next.unwrap_or_else(|| panic!("there is no {key} of {path}"));
    }
    node.as_str()
        .map(str::to_owned)
        .or_else(|| node.as_bool().map(|flag| flag.to_string()))
        .or_else(|| node.as_integer().map(|number| number.to_string()))
        .unwrap_or_else(|| panic!("{path} is no scalar"))
}

/// A service of the Compose file with what it merges (`<<`) filled in.
fn service<'a>(compose: &'a Yaml<'a>, name: &str, key: &str) -> Option<&'a Yaml<'a>> {
    let service = compose.as_mapping_get("services")?.as_mapping_get(name)?;
    service.as_mapping_get(key).or_else(|| compose.as_mapping_get("x-lead-sync")?.as_mapping_get(key))
}

/// The instructions of the last stage, continued lines joined.
fn runtime_stage() -> Vec<(&'static str, &'static str)> {
    let start = DOCKERFILE.rfind("\nFROM ").unwrap() + 1;
    let lines = DOCKERFILE[start..].lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).collect()
}

#[test]
fn the_image_runs_the_program_alone_as_a_numbered_user_and_needs_no_shell() {
    let stage = runtime_stage();
    let all = |name: &str| -> Vec<&str> {
        stage.iter().filter(|(found, _)| *found == name).map(|(_, value)| *value).collect()
    };
    assert_eq!(all("USER"), ["65532:65532"]);
    assert_eq!(all("ENTRYPOINT"), [r#"["lead-sync"]"#]);
    assert!(all("HEALTHCHECK")[0].ends_with(r#"CMD ["lead-sync", "healthcheck"]"#));
    assert!(all("RUN").is_empty(), "there is no shell to run it");
    assert!(all("VOLUME").is_empty(), "an anonymous volume would hide that the ledger is forgotten");
    assert!(DOCKERFILE.contains("cargo build --release --locked"));
}

#[test]
fn both_services_of_compose_are_locked_down_and_keep_the_ledger_on_a_volume() {
    let documents = Yaml::load_from_str(COMPOSE).unwrap();
    let compose = &documents[0];
    for name in ["daemon", "run"] {
        let text = |key: &str| -> Option<String> {
            let node = service(compose, name, key)?;
            node.as_sequence().and_then(|list| list.first()).unwrap_or(node).as_str().map(str::to_owned)
        };
        assert_eq!(text("user").as_deref(), Some("65532:65532"));
        assert_eq!(service(compose, name, "read_only").and_then(Yaml::as_bool), Some(true));
        assert_eq!(text("cap_drop").as_deref(), Some("ALL"));
        assert_eq!(text("security_opt").as_deref(), Some("no-new-privileges:true"));
        assert_eq!(text("stop_grace_period").as_deref(), Some("60s"));
        assert_eq!(text("volumes").as_deref(), Some("state:/var/lib/lead-sync"));
        assert_eq!(text("secrets").as_deref(), Some("wegroup-api-token"));
        assert!(service(compose, name, "environment").is_none(), "secrets are files");
    }
    assert_eq!(at(compose, "services.run.command.-"), "--run-now");
    assert_eq!(at(compose, "services.run.profiles.-"), "cron");
    assert_eq!(at(compose, "secrets.wegroup-api-token.file"), "./secrets/wegroup-api-token");
}

#[test]
fn the_cron_job_runs_one_at_a_time_without_privileges_on_a_claimed_volume() {
    let documents = Yaml::load_from_str(CRONJOB).unwrap();
    let [claim, job] = documents.as_slice() else { panic!("a claim and a job") };
    assert_eq!(at(claim, "kind"), "PersistentVolumeClaim");
    for (path, value) in [
        ("kind", "CronJob"),
        ("spec.concurrencyPolicy", "Forbid"),
        ("spec.startingDeadlineSeconds", "1800"),
        ("spec.timeZone", "Etc/UTC"),
    ] {
        assert_eq!(at(job, path), value, "{path}");
    }
    let pod = job.as_mapping_get("spec").and_then(|spec| spec.as_mapping_get("jobTemplate")).unwrap();
    for (path, value) in [
        ("restartPolicy", "Never"),
        ("terminationGracePeriodSeconds", "60"),
        ("automountServiceAccountToken", "false"),
        ("securityContext.runAsNonRoot", "true"),
        ("securityContext.runAsUser", "65532"),
        ("securityContext.fsGroup", "65532"),
        ("securityContext.seccompProfile.type", "RuntimeDefault"),
        ("containers.-.args.-", "--run-now"),
        ("containers.-.env.-.name", "SQLITE_TMPDIR"),
        ("containers.-.env.-.value", "/var/lib/lead-sync"),
        ("containers.-.securityContext.allowPrivilegeEscalation", "false"),
        ("containers.-.securityContext.readOnlyRootFilesystem", "true"),
        ("containers.-.securityContext.capabilities.drop.-", "ALL"),
        ("containers.-.volumeMounts.-.mountPath", "/var/lib/lead-sync"),
        ("volumes.-.persistentVolumeClaim.claimName", "lead-sync-state"),
    ] {
        assert_eq!(at(pod, &format!("spec.template.spec.{path}")), value, "{path}");
    }
    assert_eq!(at(claim, "metadata.name"), "lead-sync-state");
}

#[test]
fn every_volume_that_the_cron_job_mounts_is_defined() {
    let documents = Yaml::load_from_str(CRONJOB).unwrap();
    let mut pod = &documents[1];
    for key in ["spec", "jobTemplate", "spec", "template", "spec"] {
        pod = pod.as_mapping_get(key).unwrap();
    }
    let names = |list: Option<&Yaml<'_>>| -> BTreeSet<String> {
        let items = list.and_then(Yaml::as_sequence).unwrap();
        items.iter().map(|item| at(item, "name")).collect()
    };
    let container = &pod.as_mapping_get("containers").and_then(Yaml::as_sequence).unwrap()[0];
    assert_eq!(names(container.as_mapping_get("volumeMounts")), names(pod.as_mapping_get("volumes")));
}
