//! A block that is known to be final, as an anchor for what comes after it.

use concordat_crypto::{Anchor, Final};
use concordat_types::{BlockId, Hash, Height};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    schema: String,
    height: Height,
    block_id: BlockId,
}

impl Checkpoint {
    pub const SCHEMA: &'static str = "concordat.checkpoint.v1";

    fn new(height: Height, block_id: BlockId) -> Checkpoint {
        Checkpoint { schema: Self::SCHEMA.to_owned(), height, block_id }
    }

    pub fn of(at: &Final) -> Checkpoint {
        Checkpoint::new(at.header.height, at.block)
    }

    /// `HEIGHT:ID`
    pub fn parse(text: &str) -> Option<Checkpoint> {
        let (height, block) = text.split_once(':')?;
        let height: u64 = height.parse().ok().filter(|height| *height > 0)?;
        Some(Checkpoint::new(Height(height), BlockId(Hash::from_hex(block)?)))
    }

    pub fn from_json(text: &[u8]) -> Result<Checkpoint, String> {
        let checkpoint: Checkpoint = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match (checkpoint.schema.as_str(), checkpoint.height) {
            (Self::SCHEMA, height) if height > Height(0) => Ok(checkpoint),
            (Self::SCHEMA, _) => Err("a checkpoint has a height from 1".to_owned()),
            _ => Err(format!("not {}", Self::SCHEMA)),
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain fields")
    }
}

impl From<Checkpoint> for Anchor {
    fn from(checkpoint: Checkpoint) -> Anchor {
        Anchor::Checkpoint { height: checkpoint.height, block: checkpoint.block_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_written_and_read() {
        let id = "4b".repeat(32);
        let checkpoint = Checkpoint::parse(&format!("1200:{id}")).expect("height and id");
        assert_eq!(Checkpoint::from_json(checkpoint.to_json().as_bytes()), Ok(checkpoint));
        for text in ["", "1200", ":", &format!("0:{id}"), &format!("1200:{}", &id[1..]), &format!("x:{id}")] {
            assert_eq!(Checkpoint::parse(text), None, "{text}");
        }
        let json = |schema: &str, height: u64| {
            format!(r#"{{"schema":"concordat.{schema}.v1","height":{height},"block_id":"{id}"}}"#)
        };
        assert!(Checkpoint::from_json(json("checkpoint", 1).as_bytes()).is_ok());
        for text in [json("checkpoint", 0), json("receipt", 1), json("checkpoint", 1).replace("{", "{\"x\":1,")] {
            assert!(Checkpoint::from_json(text.as_bytes()).is_err(), "{text}");
        }
    }
}
