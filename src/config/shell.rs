//! Paths in commands that a person pastes into a shell.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path as a shell reads it; one that is not UTF-8 or holds control characters in the form `$'…'`, which bash, zsh and POSIX
/// since 2024 know.
pub fn pasted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@%:=".contains(c);
    match str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Ok(text) if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let escaped = bytes.iter().map(|byte| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).to_string(),
                byte => format!("\\x{byte:02x}"),
            });
            format!("$'{}'", escaped.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn whatever_a_path_holds_the_shell_reads_it_as_that_path() {
        for (path, shown) in [
            (&b"demo/lead-sync.toml"[..], "demo/lead-sync.toml"),
            ("café/é".as_bytes(), "café/é"),
            (b"my dir's", r"'my dir'\''s'"),
            (b"", "''"),
            (b"$HOME;ls", "'$HOME;ls'"),
            (b"caf\xe9's\n", r"$'caf\xe9\'s\x0a'"),
        ] {
            assert_eq!(pasted(Path::new(OsStr::from_bytes(path))), shown);
        }
    }
}
