use crate::support::alone;
use concordat_tests::demo::STEPS;
use serde_json::Value;
use std::{env, path::Path, process::Stdio};
use tokio::process::Command;

#[test]
fn the_demo_shows_every_step_and_leaves_nothing_behind() {
    alone(async || {
        let own = env::current_exe().expect("a test knows its own path");
        let program = own.ancestors().nth(2).expect("two folders up").join("concordat-demo");
        let mut command = Command::new(&program);
        command.args(["--exit", "--json"]).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = command.output().await.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let text = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"));

        assert_eq!(report["schema"], "concordat.demo.v1");
        let steps = report["steps"].as_array().expect("a list");
        let failed: Vec<&Value> = steps.iter().filter(|step| step["ok"] != true).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        let ids: Vec<&str> = steps.iter().filter_map(|step| step["id"].as_str()).collect();
        assert_eq!(ids, STEPS.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        assert!(report["ok"] == true && output.status.success());

        let nodes = report["nodes"].as_array().expect("a list");
        assert_eq!(nodes.len(), 6, "one has joined");
        for node in nodes {
            let pid = node["pid"].as_u64().expect("it ran at the end");
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{} still runs", node["name"]);
            let home = node["home"].as_str().expect("a path");
            assert!(!Path::new(home).exists(), "{home} is still there");
        }
        assert!(text.trim().starts_with(r#"{"schema":"concordat.demo.v1","ok":true,"#));
        Ok(())
    });
}
