//! What becomes of whole files.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn origins(dir: &Path, shown: &str) -> Vec<String> {
    let entries = list(&settings(dir, shown), Timestamp::default()).unwrap();
    entries.into_iter().map(|entry| entry.origin).collect()
}

#[test]
fn a_glob_lists_finished_regular_files_in_name_order_as_configured() {
    // The folder of the configuration may hold brackets.
    let outer = tempfile::Builder::new().prefix("a[b]").tempdir().unwrap();
    let exports = outer.path().join("exports");
    fs::create_dir_all(exports.join("d.csv")).unwrap();
    for name in ["b.csv", "a.csv", ".c.csv", "a.csv.part", "a.csv.TMP", "a.csv~", "x.txt"] {
        fs::write(exports.join(name), "id\n").unwrap();
    }
    assert_eq!(origins(outer.path(), "exports/*.csv*"), ["exports/a.csv", "exports/b.csv"]);
    assert_eq!(origins(outer.path(), "./exports/?.csv"), ["./exports/a.csv", "./exports/b.csv"]);
    assert_eq!(origins(outer.path(), "*/b.csv"), ["exports/b.csv"]);
    assert_eq!(origins(outer.path(), "exports/none*"), Vec::<String>::new());
}

#[test]
fn a_name_that_is_no_text_is_a_file_like_any_other_and_takes_none_with_it() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join(OsStr::from_bytes(b"caf\xe9[1]"));
    fs::create_dir_all(dir.join("exports")).unwrap();
    for name in [&b"caf\xe9.csv"[..], b"caf\xe8.csv", b"a.csv"] {
        fs::write(dir.join("exports").join(OsStr::from_bytes(name)), "id\n").unwrap();
    }
    assert_eq!(origins(&dir, "exports/*.csv"), ["exports/a.csv", r"exports/caf\xe8.csv", r"exports/caf\xe9.csv"]);
}

#[test]
fn a_glob_may_go_through_folders_and_to_any_depth() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["2025/01", "2026/02", "2026/.trash"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("a.csv"), "id\n").unwrap();
    }
    fs::write(dir.path().join("2026/b.csv"), "id\n").unwrap();
    // A link back up must not send the walk round for ever.
    std::os::unix::fs::symlink(dir.path(), dir.path().join("2026/up")).unwrap();
    assert_eq!(origins(dir.path(), "*/*/a.csv"), ["2025/01/a.csv", "2026/02/a.csv"]);
    assert_eq!(origins(dir.path(), "2026/**/*.csv"), ["2026/02/a.csv", "2026/b.csv"]);
    assert_eq!(origins(dir.path(), "2026/[ab].csv"), ["2026/b.csv"]);
}

#[test]
fn a_file_with_brackets_in_its_name_is_taken_literally() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a[1].csv"), "id\n").unwrap();
    fs::write(dir.path().join("a1.csv"), "id\n").unwrap();
    assert_eq!(origins(dir.path(), "a[1].csv"), ["a[1].csv"]);
    fs::remove_file(dir.path().join("a[1].csv")).unwrap();
    assert_eq!(origins(dir.path(), "a[1].csv"), ["a1.csv"]);
}

#[test]
fn a_missing_file_and_the_missing_folder_of_a_glob_are_said() {
    let dir = tempfile::tempdir().unwrap();
    for (shown, missing) in [("x.csv", "x.csv"), ("exports/*.csv", "exports/")] {
        let error = list(&settings(dir.path(), shown), Timestamp::default()).unwrap_err();
        assert!(matches!(error, Error::Missing { path } if path == missing));
    }
    let error = list(&settings(dir.path(), "."), Timestamp::default()).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }));
}

#[test]
fn a_file_younger_than_its_minimum_age_is_marked() {
    let export = Export::new("id\n");
    let settings = Settings { min_age: Duration::from_mins(1), ..export.settings.clone() };
    let file = File::options().write(true).open(export.path()).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1000)).unwrap();
    let young = |seconds: i64| list(&settings, Timestamp(seconds * 1000)).unwrap()[0].too_young;
    assert!(young(1059) && young(900));
    assert!(!young(1060));
}

#[test]
fn what_is_no_csv_file_is_refused_with_the_cure() {
    let cases: [(&[u8], &str); 12] = [
        (b"", "empty"),
        (b"\xEF\xBB\xBF", "empty"),
        (b"\n\n", "no header"),
        (b"PK\x03\x04rest", "save it as CSV"),
        (b"\xD0\xCF\x11\xE0rest", "save it as CSV"),
        (b"\n <HTML>\n", "web page"),
        (b"[{\"name\":\"Ann\"}]", "it is JSON; export as CSV"),
        (b"[\n  { \"name\": \"Ann\" }]", "it is JSON; export as CSV"),
        (b"{\"name\":\"Ann\"}\n{}\n", "it is JSON; export as CSV"),
        (b"id;na\0me\n", "NUL"),
        (b"id;\"name\n1;a\n", "never closes"),
        (b"\xEF\xBB\xBFid;na\xE9me\n", "not valid utf-8"),
    ];
    for (bytes, expected) in cases {
        let refusal = Export::new(bytes).refusal(&["name"]);
        assert!(refusal.starts_with("export.csv is refused: "), "{refusal}");
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_missing_column_is_refused_with_the_nearest_name() {
    assert_eq!(
        Export::new("id;Name;town\n").refusal(&["name", "town"]),
        "export.csv is refused: the column 'name' is missing (is it 'Name'?); the columns found are: id, Name, town"
    );
}

#[test]
fn an_export_without_a_header_is_refused_without_showing_a_lead() {
    let refusal = Export::new("1;Ann;ann@example.com\n").refusal(&["name"]);
    assert!(!refusal.contains("ann") && !refusal.contains("Ann"), "{refusal}");
}

#[test]
fn a_file_that_changes_while_it_is_read_counts_for_nothing() {
    let change: [fn(&Path); 3] = [
        |path| {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"2;b\n").unwrap();
        },
        |path| {
            fs::write(path.with_extension("new"), "id;name\n2;b\n").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        },
        |path| fs::remove_file(path).unwrap(),
    ];
    for change in change {
        let export = Export::new("id;name\n1;a\n");
        let mut file = export.open(&["name"]).unwrap();
        let mut record = Record::default();
        file.next(&mut record).unwrap();
        change(export.path());
        while file.next(&mut record).unwrap().is_some() {}
        assert!(matches!(file.finish(), Err(Error::Changing { .. })));
    }
}

#[test]
fn a_last_row_without_line_end_is_left_for_the_next_run_if_so_configured() {
    let mut export = Export::new("id;name\n1;a");
    assert_eq!(export.read(&["name"]).unwrap().rows, [good(2, "1", "a")]);
    export.settings.require_final_newline = true;
    assert!(matches!(export.read(&["name"]), Err(Error::Changing { .. })));
    fs::write(export.path(), "id;name\n1;a\r").unwrap();
    assert_eq!(export.read(&["name"]).unwrap().rows, [good(2, "1", "a")]);
}

fn summary(export: &Export) -> Summary {
    let mut file = export.open(&["name"]).unwrap();
    let mut record = Record::default();
    while file.next(&mut record).unwrap().is_some() {}
    file.finish().unwrap()
}

#[test]
fn archiving_never_overwrites_and_makes_a_private_folder() {
    let export = Export::new("id;name\n1;a\n");
    let folder = export.dir.path().join("done/2026");
    let mut archived = Vec::new();
    for text in ["id;name\n1;a\n", "id;name\n2;b\n", "id;name\n3;c\n"] {
        fs::write(export.path(), text).unwrap();
        let path = archive(&export.entry(), &summary(&export), &folder).unwrap();
        assert!(!export.path().exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        archived.push(path);
    }
    let names = ["export.csv", "export-1.csv", "export-2.csv"];
    assert_eq!(archived, names.map(|name| folder.join(name)));
    assert_eq!(fs::read_to_string(&archived[0]).unwrap(), "id;name\n1;a\n");
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_file_that_came_after_the_one_that_was_read_is_not_archived() {
    let export = Export::new("id;name\n1;a\n");
    let read = summary(&export);
    fs::write(export.path(), "id;name\n1;a\n2;b\n").unwrap();
    let error = archive(&export.entry(), &read, export.dir.path()).unwrap_err();
    assert!(matches!(error, Error::Changing { .. }));
    assert!(export.path().exists());
}
