use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::*;
use crate::auth::session::{Token, tests::session};

fn store(folder: &Path) -> Store {
    keyed_store(folder, None)
}

fn keyed_store(folder: &Path, key: Option<[u8; 32]>) -> Store {
    Store {
        folder: folder.to_owned(),
        name: "wegroup".into(),
        another: Another::WithLogin,
        key: key.map(|key| Key::new(&SecretString::from(STANDARD.encode(key))).unwrap()),
    }
}

async fn saved(folder: &Path) -> (Store, Vec<u8>) {
    let store = store(folder);
    store.lock().await.unwrap().write(&session()).unwrap();
    let bytes = fs::read(store.path()).unwrap();
    (store, bytes)
}

fn refused(store: &Store) -> String {
    let Err(Error::Store(text)) = store.read() else {
        panic!("the file was accepted");
    };
    assert!(!text.contains("planted"), "{text}");
    text
}

#[tokio::test]
async fn a_session_is_read_back_as_it_was_written_and_only_its_owner_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("tokens");
    let (store, _) = saved(&folder).await;
    assert_eq!(store.read().unwrap(), Some(session()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&store.path()), 0o600);
    assert_eq!(mode(&folder.join("wegroup.lock")), 0o600);
}

#[tokio::test]
async fn a_file_cut_short_at_any_length_is_an_error_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (store, bytes) = saved(dir.path()).await;
    for length in 0..bytes.len() {
        fs::write(store.path(), &bytes[..length]).unwrap();
        assert!(refused(&store).contains("damaged"), "{length}");
        assert_eq!(fs::read(store.path()).unwrap(), &bytes[..length]);
    }
}

#[tokio::test]
async fn a_file_of_another_version_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = saved(dir.path()).await;
    fs::write(store.path(), "{\"lead_sync_session\":2,\"new\":1}\n").unwrap();
    assert!(refused(&store).contains("version 2"));
}

#[tokio::test]
async fn a_file_that_others_can_read_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = saved(dir.path()).await;
    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(store.path(), Permissions::from_mode(mode)).unwrap();
        let text = refused(&store);
        assert!(text.ends_with(&format!("chmod 600 {}", store.path().display())), "{text}");
    }
}

#[tokio::test]
async fn a_symbolic_link_or_a_folder_in_place_of_the_file_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = saved(dir.path()).await;
    let elsewhere = dir.path().join("elsewhere.json");
    fs::rename(store.path(), &elsewhere).unwrap();
    symlink(&elsewhere, store.path()).unwrap();
    assert!(refused(&store).contains("symbolic link"));
    fs::remove_file(store.path()).unwrap();
    fs::create_dir(store.path()).unwrap();
    assert!(refused(&store).contains("not a regular file"));
}

#[tokio::test]
async fn a_process_killed_before_the_rename_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = saved(dir.path()).await;
    let newer = Session { refresh_token: Some(Token::new("newest")), ..session() };
    let bytes = format::encode(&newer, None).unwrap();
    store.lock().await.unwrap().write_temporary(&bytes).unwrap();
    drop(store.lock().await.unwrap());
    assert_eq!(store.read().unwrap(), Some(newer));
    assert!(!store.temporary().exists());
}

#[tokio::test]
async fn a_process_killed_while_writing_leaves_the_old_session() {
    let dir = tempfile::tempdir().unwrap();
    let (store, bytes) = saved(dir.path()).await;
    for length in 0..bytes.len() {
        store.lock().await.unwrap().write_temporary(&bytes[..length]).unwrap();
        drop(store.lock().await.unwrap());
        assert_eq!(store.read().unwrap(), Some(session()));
        assert!(!store.temporary().exists());
    }
}

#[tokio::test]
async fn a_whole_temporary_file_that_we_cannot_read_is_left_for_whoever_can() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = format::encode(&session(), Some(&keyed_store(dir.path(), Some([1; 32])).key.unwrap())).unwrap();
    let newer = b"{\"lead_sync_session\":2}\n".to_vec();
    for bytes in [sealed, newer] {
        let store = store(dir.path());
        store.lock().await.unwrap().write_temporary(&bytes).unwrap();
        let Err(Error::Store(text)) = store.lock().await else {
            panic!("the lock was given");
        };
        assert!(text.contains(".wegroup.tmp") && text.contains("left as it is"), "{text}");
        assert_eq!(fs::read(store.temporary()).unwrap(), bytes);
        fs::remove_file(store.temporary()).unwrap();
    }
}

#[tokio::test]
async fn an_encrypted_file_needs_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let right = keyed_store(dir.path(), Some([1; 32]));
    right.lock().await.unwrap().write(&session()).unwrap();
    let text = fs::read_to_string(right.path()).unwrap();
    assert!(!text.contains("planted") && !text.contains("openid"));
    assert_eq!(right.read().unwrap(), Some(session()));
    assert!(refused(&store(dir.path())).contains("no key is configured"));
    assert!(refused(&keyed_store(dir.path(), Some([2; 32]))).contains("another key"));
}

#[tokio::test]
async fn a_plain_file_is_encrypted_by_the_next_write() {
    let dir = tempfile::tempdir().unwrap();
    saved(dir.path()).await;
    let keyed = keyed_store(dir.path(), Some([1; 32]));
    let before = keyed.read().unwrap().unwrap();
    keyed.lock().await.unwrap().write(&before).unwrap();
    assert!(!fs::read_to_string(keyed.path()).unwrap().contains("planted"));
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    store.lock().await.unwrap().probe().unwrap();
    assert_eq!(store.read().unwrap(), None);
    let (store, bytes) = saved(dir.path()).await;
    store.lock().await.unwrap().probe().unwrap();
    assert_eq!(fs::read(store.path()).unwrap(), bytes);
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["wegroup.json", "wegroup.lock"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(Error::Store(text)) = store(&file.join("tokens")).lock().await else {
        panic!("the store was opened");
    };
    assert!(text.contains("tokens"), "{text}");
}

#[tokio::test]
async fn a_folder_that_others_can_write_into_is_refused_with_its_cure() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = saved(dir.path()).await;
    for mode in [0o777, 0o770, 0o1777] {
        fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        let Err(Error::Store(text)) = store.lock().await else {
            panic!("{mode:o} was accepted");
        };
        assert!(text.contains(&format!("{mode:04o}")) && text.contains("chmod 700"), "{text}");
    }
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    drop(store.lock().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_stores_of_one_file_never_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    saved(dir.path()).await;
    let add_hundred = |folder: PathBuf| async move {
        let store = store(&folder);
        for _ in 0..100 {
            let locked = store.lock().await.unwrap();
            let mut session = store.read().unwrap().unwrap();
            session.obtained_at += 1;
            locked.write(&session).unwrap();
        }
    };
    let one = tokio::spawn(add_hundred(dir.path().to_owned()));
    let two = tokio::spawn(add_hundred(dir.path().to_owned()));
    one.await.unwrap();
    two.await.unwrap();
    let session = store(dir.path()).read().unwrap().unwrap();
    assert_eq!(session.obtained_at, 200);
}
