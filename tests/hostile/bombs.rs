//! Exports that are small to send and large to read.

use std::fs::File;
use std::io::{BufWriter, Write};

use nix::sys::resource::{UsageWho, getrusage};

use crate::support::Scene;

/// More than a run takes in a build without optimisation, and far less than any of these exports, in KiB.
const SMALL: i64 = 160 * 1024;

const ROW: &str = "1,Jan,Peeters,jan@example.com\n";
const HEADER: &str = "id,first_name,last_name,email\n";

/// Fails if any process that this one has started and waited for has ever used more memory than [`SMALL`].
pub(crate) fn assert_small(what: &str) {
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(peak < SMALL, "{what} took {peak} KiB");
}

/// Writes `customers.csv`: a header, then `piece` so many times, then the end of that row and a good one.
fn export(scene: &Scene, before: &str, piece: &[u8], times: usize, after: &str) {
    let mut file = BufWriter::new(File::create(scene.path("exports/customers.csv")).unwrap());
    file.write_all(before.as_bytes()).unwrap();
    for _ in 0..times {
        file.write_all(piece).unwrap();
    }
    file.write_all(after.as_bytes()).unwrap();
    file.flush().unwrap();
}

#[test]
fn a_cell_of_a_quarter_gigabyte_is_one_bad_row_in_constant_memory() {
    let scene = Scene::new();
    let piece = vec![b'x'; 1024 * 1024];
    export(&scene, &format!("{HEADER}2,"), &piece, 256, &format!(",Last,p@example.com\n{ROW}"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("invalid")), (3, 1, 1), "{ran:?}");
    assert_small("a run");
}

#[test]
fn a_header_of_a_million_columns_is_refused_in_bounded_memory() {
    let scene = Scene::new();
    export(&scene, "id,first_name,last_name,email", b",c", 1_000_000, &format!("\n{ROW}"));
    let ran = scene.run();
    assert_eq!((ran.code, scene.requests().len()), (3, 0), "{ran:?}");
    assert!(ran.stderr.len() < 4096, "{} bytes of message", ran.stderr.len());
    assert_small("a run");
}

#[test]
fn a_row_of_a_million_cells_is_one_bad_row_in_bounded_memory() {
    let scene = Scene::new();
    export(&scene, &format!("{HEADER}2"), b",", 1_000_000, &format!("\n{ROW}"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("invalid")), (3, 1, 1), "{ran:?}");
    assert_small("a run");
}

#[test]
fn a_gzip_file_that_unpacks_to_a_thousand_times_its_size_is_refused_in_constant_memory() {
    let scene = Scene::new();
    let file = File::create(scene.path("exports/customers.csv.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    gzip.write_all(HEADER.as_bytes()).unwrap();
    let rows = ROW.repeat(1 << 15);
    for _ in 0..200 {
        gzip.write_all(rows.as_bytes()).unwrap();
    }
    gzip.finish().unwrap();
    let ran = scene.run();
    assert_eq!((ran.code, scene.requests().len()), (3, 0), "{ran:?}");
    assert!(ran.stderr.contains("unpacks to far more") || ran.stdout.contains("unpacks to far more"), "{ran:?}");
    assert_small("a run");
}
