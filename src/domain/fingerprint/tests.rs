use proptest::prelude::*;

use super::{Fingerprint, Fingerprinter};
use crate::domain::record::{Cell, Record};

const KEY: [u8; 32] = [7; 32];

#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Null,
    Text(String),
    Integer(i64),
    Real(u64),
}

/// Values that are apt to be confused: short texts, numbers that look like them, and what they are written as.
fn owned() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::Null),
        "[\u{0}-\u{4}a]{0,10}".prop_map(Owned::Text),
        (0_i64..4).prop_map(Owned::Integer),
        (0_u64..4).prop_map(Owned::Real),
    ]
}

fn row() -> impl Strategy<Value = (String, Vec<Owned>)> {
    ("[\u{0}-\u{4}a]{0,4}", prop::collection::vec(owned(), 0..4))
}

fn record(key: &str, cells: &[Owned]) -> Record {
    let mut record = Record::default();
    record.set_key(key);
    for cell in cells {
        record.push(match cell {
            Owned::Null => Cell::Null,
            Owned::Text(text) => Cell::Text(text),
            Owned::Integer(number) => Cell::Integer(*number),
            Owned::Real(bits) => Cell::Real(f64::from_bits(*bits)),
        });
    }
    record
}

/// What is hashed for a record: different encodings have different fingerprints, for all that can be known of BLAKE3.
fn encoding(record: &Record) -> Vec<u8> {
    let mut fingerprinter = Fingerprinter::new(&KEY, "customers");
    fingerprinter.fingerprint(record);
    fingerprinter.buffer
}

fn customers() -> Record {
    record("k1", &[Owned::Text("Ann".into()), Owned::Null, Owned::Integer(1), Owned::Real(1)])
}

#[test]
fn a_fingerprint_is_the_same_in_every_release() {
    let fingerprint = Fingerprinter::new(&KEY, "customers").fingerprint(&customers());
    assert_eq!(format!("{fingerprint:?}"), "6b617a9b68b3f371e6634853204db39d");
}

#[test]
fn key_sync_and_each_cell_count_but_line_and_raw_bytes_do_not() {
    let print = |key: u8, sync: &str, record: &Record| Fingerprinter::new(&[key; 32], sync).fingerprint(record);
    let one = print(1, "customers", &customers());
    assert_ne!(one, print(2, "customers", &customers()));
    assert_ne!(one, print(1, "partners", &customers()));
    let mut moved = customers();
    moved.line = 99;
    moved.raw = b"k1;Ann".to_vec();
    assert_eq!(one, print(1, "customers", &moved));
}

#[test]
fn a_fingerprinter_keeps_nothing_of_the_row_before() {
    let mut used = Fingerprinter::new(&KEY, "customers");
    used.fingerprint(&record("a much longer key", &[Owned::Text("x".repeat(500))]));
    used.raw(b"raw");
    assert_eq!(used.fingerprint(&customers()), Fingerprinter::new(&KEY, "customers").fingerprint(&customers()));
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", Fingerprinter::new(&KEY, "customers")), "Fingerprinter { .. }");
    assert_eq!(format!("{:?}", Fingerprint([0xab; 16])), "ab".repeat(16));
}

proptest! {
    #[test]
    fn no_two_different_records_are_written_alike(one in row(), other in row()) {
        let (a, b) = (record(&one.0, &one.1), record(&other.0, &other.1));
        let same = a.key() == b.key() && one.1 == other.1;
        prop_assert_eq!(encoding(&a) == encoding(&b), same);
        let mut fingerprinter = Fingerprinter::new(&KEY, "customers");
        prop_assert_eq!(fingerprinter.fingerprint(&a) == fingerprinter.fingerprint(&b), same);
    }

    #[test]
    fn raw_bytes_never_have_the_fingerprint_of_a_record(row in row(), bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        let record = record(&row.0, &row.1);
        let mut fingerprinter = Fingerprinter::new(&KEY, "customers");
        let of_record = fingerprinter.fingerprint(&record);
        prop_assert_ne!(of_record, fingerprinter.raw(&bytes));
        prop_assert_ne!(of_record, fingerprinter.raw(&encoding(&record)));
        prop_assert_ne!(of_record, fingerprinter.raw(&encoding(&record)[1..]));
    }
}
