//! Reads tables key by key, notes every problem and goes on.

use config::{Map, Value};

use super::entry::{Decoded, Entry};
use super::findings::Findings;
use super::origin::alike;
use super::secret::Secret;

/// One table under reading. Remembers the keys it was asked for: [`Table::finish`] reports the others.
pub(super) struct Table<'a> {
    findings: &'a Findings,
    path: String,
    values: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
    foreign: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The whole configuration.
    pub(super) fn root(findings: &'a Findings, values: &'a Map<String, Value>) -> Self {
        Self { findings, path: String::new(), values: Some(values), known: Vec::new(), foreign: Vec::new() }
    }

    /// What reading found so far.
    pub(super) fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// True if `key` is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.peek(key).is_some()
    }

    /// True if `key` is missing or an empty table.
    pub(super) fn is_blank(&self, key: &str) -> bool {
        self.peek(key).is_none_or(|entry| entry.table().is_ok_and(Map::is_empty))
    }

    /// Every key with its value, for tables whose keys are free.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
        self.values.into_iter().flatten().map(|(key, value)| (key.as_str(), Entry::new(value)))
    }

    /// Notes a problem of `key`, or of the table itself if `key` is empty.
    pub(super) fn problem(&self, key: &str, text: impl Into<String>) {
        let dotted = self.dotted(key);
        let origin = self.findings.origin();
        // What is missing in a table is missing where the rest of it is.
        let by_variable = self.peek(key).map_or_else(|| self.is_from_environment(), Entry::is_from_environment);
        let variable = by_variable.then(|| origin.variable(&dotted).or_else(|| origin.variable(&self.path))).flatten();
        self.findings.problem(variable, dotted, text.into());
    }

    /// Notes what works but may not be meant.
    pub(super) fn warn(&self, key: &str, text: &str) {
        self.findings.warning(format!("{}: {text}", self.dotted(key)));
    }

    /// Notes where the secret `key` is kept.
    pub(super) fn secret(&self, key: &str, secret: &Secret) {
        self.findings.secret(self.dotted(key), secret.clone());
    }

    /// Warns that the file holds a secret in plain text under `key`, if group or others can read the file.
    pub(super) fn warn_of_plain_secret(&self, key: &str) {
        let mode = self.findings.mode();
        if mode & 0o044 != 0 && !self.peek(key).is_some_and(Entry::is_from_environment) {
            self.warn(
                key,
                &format!(
                    "a secret stands here as plain text and others can read the file (mode {mode:04o}); \
                     use {{ env = … }}, {{ file = … }} or {{ credential = … }}, or chmod 600"
                ),
            );
        }
    }

    /// The value of `key` if it is there and right.
    pub(super) fn optional<T>(&mut self, key: &'static str, decode: impl FnOnce(Entry<'a>) -> Decoded<T>) -> Option<T> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        decode(self.peek(key)?).map_err(|what| self.problem(key, what)).ok()
    }

    /// The value of `key`; `default` if it is not there (or wrong, which is then a problem).
    pub(super) fn or<T>(&mut self, key: &'static str, default: T, decode: impl FnOnce(Entry<'a>) -> Decoded<T>) -> T {
        self.optional(key, decode).unwrap_or(default)
    }

    /// The value of `key`; `cure` says what to do if it is missing.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        cure: &str,
        decode: impl FnOnce(Entry<'a>) -> Decoded<T>,
    ) -> Option<T> {
        if self.peek(key).is_none() {
            self.problem(key, format!("missing; {cure}"));
        }
        self.optional(key, decode)
    }

    /// One of a few words, `default` unless set. A key of `telling` belongs to the word beside it: where it stands and no word does, the default
    /// is not meant, so that the word is asked for and the rest read as if it were there.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        default: T,
        telling: &[(&str, &str)],
    ) -> Option<T> {
        let told = telling.iter().find(|(telling, _)| self.has(telling));
        match told {
            _ if self.has(key) => self.optional(key, |entry| entry.word(words)),
            None => Some(self.or(key, default, |entry| entry.word(words))),
            Some((telling, meant)) => {
                self.problem(key, format!("missing; with {telling} write {key} = \"{meant}\""));
                self.allow(&[key]);
                words.iter().find(|(word, _)| word == meant).map(|(_, meaning)| *meaning)
            }
        }
    }

    /// The table `key`, which may be missing: then none of its keys is set.
    pub(super) fn table(&mut self, key: &'static str) -> Table<'a> {
        let values = self.optional(key, Entry::table);
        self.below(key, values)
    }

    /// The table `key`, which must be there; `cure` says what to do if it is not.
    pub(super) fn required_table(&mut self, key: &'static str, cure: &str) -> Option<Table<'a>> {
        let values = self.required(key, cure, Entry::table)?;
        Some(self.below(key, Some(values)))
    }

    /// The tables below `key`, each with its name, which is checked; `essential` is a key that each must have. `None`: it is no table, which has
    /// been noted.
    pub(super) fn named(&mut self, key: &'static str, essential: &str) -> Vec<(&'a str, Option<Table<'a>>)> {
        let parent = self.table(key);
        let mut tables = Vec::new();
        for (name, entry) in parent.entries() {
            if !is_name(name) {
                parent.problem(name, "a name is made of a-z, 0-9, _ and -; give it another one");
            }
            let table = match entry.table() {
                Ok(values) if entry.is_from_environment() && !values.contains_key(essential) => {
                    parent.problem(name, parent.made_by_variables(key, name, essential));
                    None
                }
                Ok(values) => Some(parent.below(name, Some(values))),
                Err(what) => {
                    parent.problem(name, what);
                    None
                }
            };
            tables.push((name, table));
        }
        tables
    }

    /// What to say of the table `name` that variables alone make and leave without what it must have: most likely they mean one of the file's.
    fn made_by_variables(&self, key: &str, name: &str, essential: &str) -> String {
        let of_file: Vec<&str> =
            self.entries().filter(|(_, entry)| !entry.is_from_environment()).map(|(name, _)| name).collect();
        match (alike(name, of_file.iter().copied()).as_slice(), nearest(name, &of_file)) {
            ([], Some(near)) => {
                let spelled = near.replace('-', "_").to_uppercase();
                format!("the file has no [{key}.{name}]; did you mean {near} ({spelled} in a variable)?")
            }
            ([], None) => {
                format!(
                    "the file has no [{key}.{name}], nor is its {essential} set; correct the name, or add what is missing"
                )
            }
            (several, _) => format!("may be {}; a variable cannot tell: write it in the file", several.join(" or ")),
        }
    }

    /// Reports keys that belong to another kind than this table's.
    pub(super) fn only_for(&mut self, kind: &str, keys: &[&'static str]) {
        for key in keys.iter().copied() {
            if self.has(key) {
                self.reject(key, format!("is only for kind = \"{kind}\"; remove it"));
            }
        }
    }

    /// Takes keys as known whose values nobody asks for, because it is not known what they mean here.
    pub(super) fn allow(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Notes that `key` must not be here, so that [`Table::finish`] does not call it unknown as well.
    pub(super) fn reject(&mut self, key: &'static str, text: impl Into<String>) {
        self.foreign.push(key);
        self.problem(key, text);
    }

    /// Reports every key that was not asked for, with the nearest one that was.
    pub(super) fn finish(self) {
        for key in self.unknown() {
            let text = match nearest(key, &self.known) {
                Some(near) => format!("unknown key; did you mean {near}?"),
                None => format!("unknown key; known here: {}", self.known.join(", ")),
            };
            self.problem(key, text);
        }
    }

    /// Reports every key that is a slip of one that was asked for: where the kind of the table is wrong, other keys may belong to what was
    /// meant by it.
    pub(super) fn finish_without_kind(self) {
        for key in self.unknown() {
            if let Some(near) = nearest(key, &self.known) {
                self.problem(key, format!("unknown key; did you mean {near}?"));
            }
        }
    }

    fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let keys = self.entries().map(|(key, _)| key);
        keys.filter(|key| !self.known.contains(key) && !self.foreign.contains(key))
    }

    fn below(&self, key: &str, values: Option<&'a Map<String, Value>>) -> Table<'a> {
        Table { findings: self.findings, path: self.dotted(key), values, known: Vec::new(), foreign: Vec::new() }
    }

    /// True if variables set all that is in it.
    fn is_from_environment(&self) -> bool {
        self.values.is_some_and(|values| !values.is_empty())
            && self.entries().all(|(_, entry)| entry.is_from_environment())
    }

    fn peek(&self, key: &str) -> Option<Entry<'a>> {
        self.values?.get(key).map(Entry::new)
    }

    fn dotted(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (_, true) => self.path.clone(),
            (true, false) => key.to_owned(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }
}

/// `[a-z0-9_-]+`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// The candidate that `word` is most likely a slip of: at most a third of its letters differ, and at least one may.
pub fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let far = word.chars().count().div_ceil(3);
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
