//! Metrics, alarms and alerts: what names one of them names one that is there, and none is without explanation.

use super::{has_row, read};
use std::collections::BTreeSet;

#[test]
fn every_metric_is_described() {
    let operations = read("docs/operations.md");
    let is_described =
        |name: &&String| [format!("`{name}`"), format!("`{name}{{")].iter().any(|text| operations.contains(text));
    let missing: Vec<_> = metrics().into_iter().filter(|name| !is_described(&name)).collect();
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:?}");
}

/// A rule on a metric that no node has would never fire, and nobody would notice.
#[test]
fn alerts_and_dashboard_name_metrics_that_nodes_have() {
    let known = metrics();
    assert!(known.contains("concordat_height") && known.len() > 40, "the metrics are found: {known:?}");
    for path in ["deploy/prometheus/alerts.yml", "deploy/prometheus/alerts.test.yml", "deploy/grafana/concordat.json"] {
        let text = read(path);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("concordat_")).collect();
        assert!(named.len() > 15, "{path}: {named:?}");
        let unknown: Vec<_> = named.iter().filter(|name| !known.contains(without_suffix(name))).collect();
        assert!(unknown.is_empty(), "{path} names what no node has: {unknown:?}");
    }
}

#[test]
fn every_alert_is_explained_and_shown_to_fire_and_not_to_fire() {
    let operations = read("docs/operations.md");
    let rules = read("deploy/prometheus/alerts.yml");
    let tests = read("deploy/prometheus/alerts.test.yml");
    let cases: BTreeSet<(&str, bool)> = tests
        .split("alertname: ")
        .skip(1)
        .filter_map(|rest| {
            let (name, rest) = rest.split_once('\n')?;
            Some((name.trim(), !rest.trim_start().starts_with("exp_alerts: []")))
        })
        .collect();
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.contains(&"NoBlock") && names.len() > 15, "the alerts are found: {names:?}");
    for name in names {
        assert!(has_row(&operations, name), "{name} has no row in docs/operations.md");
        for fires in [true, false] {
            assert!(cases.contains(&(name, fires)), "alerts.test.yml does not show {name}, fires: {fires}");
        }
    }
}

#[test]
fn every_alarm_is_explained() {
    let operations = read("docs/operations.md");
    let source = read("node/src/metrics.rs");
    let list = source.split("const ALARM_KINDS: &[&str] = &[").nth(1).and_then(|rest| rest.split("];").next());
    let kinds: Vec<&str> = list.expect("the kinds stand there").split('"').skip(1).step_by(2).collect();
    // What is raised, and what begins at zero.
    let raised = read("node/src/runtime.rs") + &read("node/src/index.rs");
    assert!(kinds.len() > 5);
    for kind in kinds {
        assert!(has_row(&operations, kind), "{kind} has no row in docs/operations.md");
        assert!(raised.contains(&format!("\"{kind}\"")), "{kind} is never raised");
    }
}

/// Those that the node describes.
fn metrics() -> BTreeSet<String> {
    let source = read("node/src/metrics.rs");
    let calls = source.split("metrics::describe_").skip(1);
    calls.filter_map(|call| Some(call.split('"').nth(1)?.to_owned())).collect()
}

/// A histogram is read by three other names.
fn without_suffix(name: &str) -> &str {
    let suffixes = ["_bucket", "_sum", "_count"];
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
