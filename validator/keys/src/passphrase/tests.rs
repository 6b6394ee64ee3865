use super::*;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

fn check(content: &[u8]) -> Result<Vec<u8>, PassphraseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passphrase");
    files::write_new(&path, content).unwrap();
    Passphrase::from_file(&path).map(|passphrase| passphrase.bytes().to_vec())
}

#[test]
fn one_line_break_is_cut_and_nothing_else() {
    assert_eq!(check(b"two words\n").unwrap(), b"two words");
    assert_eq!(check(b"two words\r\n").unwrap(), b"two words");
    assert_eq!(check(b"two words").unwrap(), b"two words");
    assert_eq!(check(b" words \n\n").unwrap(), b" words \n");
}

#[test]
fn what_is_no_passphrase() {
    assert!(matches!(check(b"\n"), Err(PassphraseError::Empty(_))));
    assert!(matches!(check(b""), Err(PassphraseError::Empty(_))));
    assert!(matches!(check(&[b'a'; 1025]), Err(PassphraseError::TooLong(_))));
    assert!(matches!(check(&[0xff, 0xfe]), Err(PassphraseError::NotText(_))));
    assert!(matches!(Passphrase::from_file(Path::new("/nonexistent")), Err(PassphraseError::Read { .. })));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passphrase");
    files::write_new(&path, b"two words").unwrap();
    for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let read = Passphrase::from_file(&path);
        assert_eq!(read.is_ok(), is_read, "{mode:o}");
        assert!(is_read || matches!(read, Err(PassphraseError::TooOpen { mode: got, .. }) if got == mode));
    }
}

#[test]
fn debug_shows_nothing() {
    let shown = format!("{:?}", Passphrase::from("correct horse"));
    assert!(!shown.contains("horse"), "{shown}");
}
