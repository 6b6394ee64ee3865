//! genesis.json: `{"network_id": hex, "genesis": {…}}`. The id is computed anew; a file that names another is refused.

use crate::error::RunError;
use concordat_proto::Code;
use concordat_types::{Genesis, NetworkId};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisFile {
    pub network_id: NetworkId,
    pub genesis: Genesis,
}

/// Reads the file and checks everything in it, proofs of possession too.
pub fn load(path: &Path) -> Result<(NetworkId, Genesis), RunError> {
    let shown = path.display();
    let size =
        fs::metadata(path).map_err(|error| Code::Genesis.error(format!("{shown} cannot be read: {error}")))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Code::Genesis.error(format!("{shown} has {size} bytes, at most {FILE_BYTES_MAX}")));
    }
    let text =
        fs::read_to_string(path).map_err(|error| Code::Genesis.error(format!("{shown} cannot be read: {error}")))?;
    check(&text).map_err(|error| RunError { cause: format!("{shown}: {}", error.cause), ..error })
}

fn check(text: &str) -> Result<(NetworkId, Genesis), RunError> {
    let file: GenesisFile = serde_json::from_str(text).map_err(|error| Code::Genesis.error(error.to_string()))?;
    let computed = file.genesis.network_id();
    if computed != file.network_id {
        let named = file.network_id;
        return Err(Code::Genesis.error(format!("the file says network id {named}, its content has {computed}")));
    }
    concordat_crypto::check_genesis(&file.genesis).map_err(|error| Code::Genesis.error(error.to_string()))?;
    Ok((computed, file.genesis))
}

/// Text takes about three times the room of the canonical bytes.
const FILE_BYTES_MAX: u64 = 4 * Genesis::BYTES_MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_types::{Parameters, Timestamp};

    #[test]
    fn another_id_than_the_contents_is_named_beside_it() {
        let genesis = Genesis {
            version: 1,
            name: "test".to_owned(),
            time: Timestamp(1),
            trial: true,
            parameters: Parameters::default(),
            members: Vec::new(),
            assets: Vec::new(),
        };
        let computed = genesis.network_id();
        let text = |network_id| {
            serde_json::to_string(&GenesisFile { network_id, genesis: genesis.clone() }).expect("a genesis has a text")
        };
        let error = check(&text(NetworkId::default())).expect_err("zero is not the id");
        assert_eq!(error.code, Code::Genesis);
        assert!(error.cause.contains(&computed.to_string()) && error.cause.contains(&NetworkId::default().to_string()));
        let error = check(&text(computed)).expect_err("there is no validator");
        assert!(error.cause.contains("validator"), "{}", error.cause);
        assert!(check("{}").is_err());
    }
}
