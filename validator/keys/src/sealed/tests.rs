use super::*;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};
use tempfile::TempDir;

const SECRET: &[u8] = b"thirty-two bytes of secret bytes";

fn sealed_file(strength: Strength, passphrase: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    seal(&path, "operator", &[1, 2, 3], SECRET, &passphrase.into(), strength).unwrap();
    (folder, path)
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_sealed_is_unsealed() {
    for strength in [Strength::Full, Strength::Trial] {
        let (_folder, path) = sealed_file(strength, "a long passphrase");
        let unsealed = unseal(&path, "operator", &"a long passphrase".into()).unwrap();
        assert_eq!((&unsealed.secret.0[..], &unsealed.public_key[..]), (SECRET, &[1u8, 2, 3][..]));
        let header = Header { kind: "operator".into(), public_key: vec![1, 2, 3], strength };
        assert_eq!(inspect(&path).unwrap(), header);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
        assert!(!format!("{unsealed:?}").contains("116"), "Debug shows the secret's bytes");
    }
}

#[test]
fn no_file_is_overwritten() {
    let (_folder, path) = sealed_file(Strength::Trial, "x");
    let before = fs::read(&path).unwrap();
    let again = seal(&path, "operator", &[9], b"other", &"y".into(), Strength::Trial);
    assert!(matches!(again, Err(SealError::Exists)));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn passphrase_and_kind_must_fit() {
    let (_folder, path) = sealed_file(Strength::Trial, "right");
    assert!(matches!(unseal(&path, "operator", &"wrong".into()), Err(UnsealError::WrongPassphrase)));
    let wrong_kind = unseal(&path, "admin", &"right".into());
    assert!(
        matches!(wrong_kind, Err(UnsealError::WrongKind { got, expected }) if got == "operator" && expected == "admin")
    );
}

#[test]
fn a_weak_passphrase_is_for_trials_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    let weak = seal(&path, "operator", &[], SECRET, &"eleven char".into(), Strength::Full);
    assert!(matches!(weak, Err(SealError::WeakPassphrase)));
    assert!(!path.exists());
}

#[test]
fn others_must_not_be_able_to_read_it() {
    let (_folder, path) = sealed_file(Strength::Trial, "x");
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let result = unseal(&path, "operator", &"x".into());
        assert!(matches!(result, Err(UnsealError::TooOpen { mode: got }) if got == mode));
    }
}

#[test]
fn damage_is_told_from_a_wrong_passphrase() {
    let (_folder, path) = sealed_file(Strength::Trial, "x");
    let good = fs::read(&path).unwrap();
    for cut in [0, 1, good.len() / 2, good.len() - 3] {
        write(&path, &good[..cut]);
        assert!(matches!(unseal(&path, "operator", &"x".into()), Err(UnsealError::Corrupt(_))), "cut at {cut}");
    }
    write(&path, &vec![b' '; (FILE_BYTES_MAX + 1) as usize]);
    assert!(matches!(unseal(&path, "operator", &"x".into()), Err(UnsealError::Corrupt("too long"))));
}

/// Each field changed, with the checksum made to fit again: the associated data still binds it.
#[test]
fn the_header_is_bound_to_the_secret() {
    let (_folder, path) = sealed_file(Strength::Trial, "x");
    let good: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let check = |alter: &dyn Fn(&mut Value), kind: &str| {
        let mut altered = good.clone();
        alter(&mut altered);
        write(&path, altered.to_string().as_bytes());
        assert!(matches!(unseal(&path, kind, &"x".into()), Err(UnsealError::Corrupt(_) | UnsealError::Version(_))));
        let Ok(mut sealed) = serde_json::from_value::<SealedFile>(altered) else { return };
        sealed.checksum = sealed.checksum_of(&hex::decode(&sealed.ciphertext).unwrap());
        write(&path, &serde_json::to_vec(&sealed).unwrap());
        assert!(unseal(&path, kind, &"x".into()).is_err());
    };
    check(&|file| file["kind"] = "admin".into(), "admin");
    check(&|file| file["public_key"] = "010204".into(), "operator");
    check(&|file| file["version"] = 2.into(), "operator");
    check(&|file| file["cipher"] = "none".into(), "operator");
    check(&|file| file["kdf"]["name"] = "scrypt".into(), "operator");
    check(&|file| file["kdf"]["passes"] = 2.into(), "operator");
    check(&|file| file["kdf"]["passes"] = 17.into(), "operator");
    check(&|file| file["kdf"]["memory_kib"] = u32::MAX.into(), "operator");
    check(&|file| file["kdf"]["lanes"] = 2.into(), "operator");
    check(&|file| file["kdf"]["salt"] = "00".repeat(16).into(), "operator");
    check(&|file| file["nonce"] = "00".repeat(24).into(), "operator");
    check(&|file| file["ciphertext"] = "00".repeat(48).into(), "operator");
    check(&|file| file["more"] = 1.into(), "operator");
}

#[test]
fn a_file_does_not_hold_the_secret_in_the_clear() {
    let (_folder, path) = sealed_file(Strength::Trial, "x");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&hex::encode(SECRET)) && !text.contains("thirty"));
}
