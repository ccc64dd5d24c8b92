//! `init` on a terminal: questions, answers, a file.

use std::fs::File;

use lead_sync::config::{Env, Secrets, load};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Desk;
use crate::terminal::{END, screen, typed};

const ID: &str = "42f9b29d-a302-44dd-a984-515faacf2acd";

/// Column names that nothing can be guessed from, except the last name.
const EXPORT: &str = "Dossier;Roep;Naam;Post\nK1;Zoé;Peeters;z@example.com\n";

fn problems(desk: &Desk, env: &Env) -> Vec<String> {
    match load(&desk.path("config/lead-sync.toml"), env, Secrets::Connections)
        .and_then(|loaded| loaded.settings(env).map(drop))
    {
        Ok(()) => Vec::new(),
        Err(problems) => problems.list().iter().map(|problem| problem.key.clone()).collect(),
    }
}

#[test]
fn wrong_answers_are_asked_again_with_a_reason_and_the_right_ones_make_a_configuration_that_loads() {
    let desk = Desk::new();
    desk.write("export.csv", EXPORT);
    let answers = [
        "nowhere.csv",
        "'export.csv'", // which export
        "",
        "Dosier",
        "Dossier", // the key
        "name",
        "first_name",
        "Roap",
        "Roep",
        "email",
        "Post",
        "", // the columns
        "live",
        "", // the environment
        "", // apikey
        "a/b",
        ID,
    ];
    let (status, screen) = typed(&mut desk.command(&["init"]), &answers);
    assert!(status.success(), "{screen}");
    for words in [
        "nowhere.csv does not exist",
        "Its columns are: Dossier, Roep, Naam, Post",
        "(is it 'Dossier'?)",
        "write one of first_name",
        "there is no such column",
        "first_name   Roep",
        "write staging or production",
        "must be 1 to 64 characters",
        "WEGROUP_API_TOKEN is not set",
        "Next:",
    ] {
        assert!(screen.contains(words), "{words} is not in\n{screen}");
    }
    assert!(!screen.contains("Peeters") && !screen.contains('\u{1b}'), "{screen}");
    assert_eq!(problems(&desk, &Env::from([("WEGROUP_API_TOKEN", "token")])), [""; 0]);
    let text = desk.read("config/lead-sync.toml");
    for line in [
        "key = \"Dossier\"",
        "first_name = \"{{ Roep }}\"",
        "last_name = \"{{ Naam }}\"",
        "email = \"{{ Post|email }}\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let plan = desk.run(&["plan"]);
    assert!(plan.out.contains("; 1 lead would be sent"), "{plan:?}");
}

#[test]
fn a_login_is_set_up_by_its_client_id_and_needs_its_secret_only() {
    let desk = Desk::new();
    desk.write("export.csv", "id;naam\n1;Peeters\n");
    let (status, screen) = typed(
        &mut desk.command(&["init", "--environment", "staging"]),
        &["export.csv", "", "", "sso", "our-client", "8400", "http://127.0.0.1:8500/back"],
    );
    assert!(status.success(), "{screen}");
    assert!(screen.contains("no address that a browser can be sent to"), "{screen}");
    assert!(screen.contains("login "), "{screen}");
    assert_eq!(problems(&desk, &Env::from([("WEGROUP_CLIENT_SECRET", "secret")])), [""; 0]);
    let text = desk.read("config/lead-sync.toml");
    assert!(text.contains("redirect_url = \"http://127.0.0.1:8500/back\""), "{text}");
}

#[test]
fn the_end_of_the_input_and_the_end_of_the_program_leave_nothing_behind() {
    let desk = Desk::new();
    desk.write("export.csv", EXPORT);
    let (status, screen) = typed(&mut desk.command(&["init"]), &["export.csv", "Dossier", END]);
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(screen.contains("nothing was written"), "{screen}");

    let terminal = openpty(None, None).unwrap();
    let mut keyboard = File::from(terminal.master);
    let mut command = desk.command(&["init"]);
    let mut child = command.stdin(terminal.slave.try_clone().unwrap()).stderr(terminal.slave).spawn().unwrap();
    screen_until_asked(&mut keyboard);
    // What Ctrl-C does, too, except to a program that a shell has put in the background.
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(desk.names(), ["export.csv"]);
}

fn screen_until_asked(keyboard: &mut File) {
    let shown = screen(keyboard, "Which export?");
    assert!(shown.contains("Which export?"), "{shown}");
}

#[test]
fn nobody_is_asked_where_the_options_say_it_or_no_terminal_is_there() {
    let desk = Desk::new();
    desk.write("export.csv", "id;naam\n1;Peeters\n");
    let (status, screen) = typed(&mut desk.command(&["init", "--export", "export.csv"]), &[]);
    assert!(status.success() && !screen.contains("Which"), "{screen}");
    let told = desk.run(&["init", "--path", "other.toml", "--auth", "sso"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert!(told.out.contains("client_id"), "{}", told.out);
}
