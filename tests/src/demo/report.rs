//! What the demo found, for programs (docs/interfaces.md, concordat.demo.v1) and for people.

use crate::harness::{Failure, Node};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt, time::Duration};

pub type Figures = Map<String, Value>;

/// Members in the order of the schema.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub ok: bool,
    pub seconds: f64,
    pub network_id: Option<String>,
    pub steps: Vec<StepReport>,
    pub nodes: Vec<NodeReport>,
    /// Profile folder by member.
    pub profiles: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StepReport {
    pub id: &'static str,
    pub ok: bool,
    pub seconds: f64,
    pub figures: Figures,
    pub error: Option<Failure>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeReport {
    pub name: String,
    pub role: &'static str,
    /// None: it does not run.
    pub pid: Option<u32>,
    pub home: String,
    pub peer: String,
    pub client: String,
    pub http: String,
}

impl StepReport {
    pub fn new(id: &'static str, took: Duration, outcome: Result<Figures, Failure>) -> StepReport {
        let (figures, error) = match outcome {
            Ok(figures) => (figures, None),
            Err(failure) => (Figures::new(), Some(failure)),
        };
        StepReport { id, ok: error.is_none(), seconds: seconds(took), figures, error }
    }
}

impl NodeReport {
    pub fn of(node: &Node) -> NodeReport {
        NodeReport {
            name: node.name.clone(),
            role: if node.is_validator { "validator" } else { "follower" },
            pid: node.pid(),
            home: node.home.display().to_string(),
            peer: node.peer.clone(),
            client: node.client.clone(),
            http: node.http.clone(),
        }
    }
}

/// One line; with a failure two more.
impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.ok { "ok" } else { "FAILED" };
        let figure = |(name, value): (&String, &Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{}={text}", name)
        };
        let figures: Vec<String> = self.figures.iter().map(figure).collect();
        write!(f, "      {verdict} {:.1} s  {}", self.seconds, figures.join(" "))?;
        match &self.error {
            None => Ok(()),
            Some(Failure { code, cause, next }) => write!(f, "\n      error[{code}]: {cause}\n      next: {next}"),
        }
    }
}

/// To the millisecond.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// `figures([("payments", json!(3))])`
pub fn figures<const N: usize>(figures: [(&str, Value); N]) -> Figures {
    figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
