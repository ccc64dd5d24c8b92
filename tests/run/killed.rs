//! What is said of a run that was killed.

use rustix::process::Signal;

use crate::stop::{signal, slow, until_received};

#[test]
fn a_run_that_is_killed_has_counted_what_it_read_and_delivered_until_then() {
    let scene = slow();
    let mut child = scene.spawn();
    until_received(&scene, 50);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let number = |sql: &str| scene.query(sql)[0].parse::<u64>().unwrap();
    let delivered = number("SELECT count(*) FROM leads WHERE state = 'delivered'");
    assert!(delivered > 0, "the outcomes before the last claim are recorded");
    let counted = "SELECT read || ' ' || new || ' ' || delivered FROM runs WHERE run = 1";
    assert_eq!(scene.query(counted), [format!("400 400 {delivered}")]);

    let next = scene.run();
    assert_eq!((next.code, next.count("delivered")), (0, 400 - delivered), "{next:?}");
    let closed = "SELECT outcome || ' ' || read || ' ' || delivered || ' ' || pending FROM runs WHERE run = 1";
    assert_eq!(scene.query(closed), [format!("interrupted 400 {delivered} {}", 400 - delivered)]);
    assert_eq!(number("SELECT sum(delivered) FROM runs"), 400);
}
