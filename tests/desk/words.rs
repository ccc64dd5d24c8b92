//! To whom the program speaks: a person at a terminal, or a log.

use serde_json::Value;

use crate::Desk;
use crate::terminal::typed;

#[test]
fn at_a_terminal_a_run_says_in_plain_words_what_it_logs_elsewhere() {
    let desk = Desk::new();
    let (status, screen) = typed(&mut desk.command(&["--run-now"]), &[]);
    let logged = desk.run(&["--run-now"]);
    assert_eq!((status.code(), logged.code), (Some(2), Some(2)));
    let line: Value = serde_json::from_str(&logged.err).unwrap();
    assert_eq!(screen.replace("\r\n", "\n"), format!("lead-sync: {}\n", line["message"].as_str().unwrap()));
}

#[test]
fn a_command_of_a_person_speaks_plainly_also_where_there_is_no_terminal() {
    let refused = Desk::new().run(&["status"]);
    assert!(refused.err.starts_with("lead-sync: "), "{}", refused.err);
}
