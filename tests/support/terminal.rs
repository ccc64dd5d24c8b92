//! A person at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};

use nix::pty::openpty;

/// The end of the input, as Ctrl-D types it.
pub(crate) const END: &str = "\x04";

/// A command with a terminal for stdin and stderr, all of whose lines are typed ahead.
pub(crate) fn typed(command: &mut Command, lines: &[&str]) -> (ExitStatus, String) {
    let terminal = openpty(None, None).unwrap();
    let mut keyboard = File::from(terminal.master);
    command.stdin(terminal.slave.try_clone().unwrap()).stdout(terminal.slave.try_clone().unwrap());
    command.stderr(terminal.slave);
    let mut child = command.spawn().unwrap();
    // The command holds the terminal's other end: without it the screen ends when the child does.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for line in lines {
        write!(keyboard, "{line}{}", if *line == END { "" } else { "\n" }).unwrap();
    }
    let screen = screen(&mut keyboard, "nothing that is ever shown");
    (child.wait().unwrap(), screen)
}

/// What the terminal shows, until `mark` is there or the program has ended (Linux: EIO).
pub(crate) fn screen(keyboard: &mut File, mark: &str) -> String {
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = keyboard.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..count]);
        if String::from_utf8_lossy(&shown).contains(mark) {
            break;
        }
    }
    String::from_utf8(shown).unwrap()
}
