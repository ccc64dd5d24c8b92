//! What reading a configuration found: problems, and what is left to be looked at.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::origin::Origin;
use super::problem::Problem;
use super::secret::Secret;
use super::{Env, Problems, Secrets};
use crate::domain::mapping::{Mapping, Spec};

/// What is noted of one key. All of it in one list, so that problems are told in the order of the keys, whatever they are of.
enum Note {
    /// It is wrong.
    Problem(Problem),
    /// A secret is kept somewhere else.
    Secret { key: String, secret: Secret },
    /// The templates of a sync. Boxed, as problems are many and syncs are few.
    Mapping(Box<Spec>),
}

/// What reading one configuration found so far.
pub(super) struct Findings {
    notes: RefCell<Vec<Note>>,
    warnings: RefCell<Vec<String>>,
    origin: Origin,
    mode: u32,
}

impl Findings {
    /// Nothing yet, of a configuration whose file has the permission bits `mode`.
    pub(super) fn new(origin: &Origin, mode: u32) -> Self {
        Self { notes: RefCell::default(), warnings: RefCell::default(), origin: origin.clone(), mode }
    }

    /// The file and the variables.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// `path` if it is absolute, else relative to the file's folder.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.dir().join(path)
    }

    /// The file's folder; empty for a file in the working directory.
    pub(super) fn dir(&self) -> &Path {
        self.origin.path().parent().unwrap_or(Path::new(""))
    }

    /// Permission bits of the file.
    pub(super) fn mode(&self) -> u32 {
        self.mode
    }

    /// Notes what is wrong with a key. `variable` is the one that says it; `None`: the file does.
    pub(super) fn problem(&self, variable: Option<String>, key: String, text: String) {
        let place = variable.unwrap_or_else(|| self.origin.path().display().to_string());
        self.notes.borrow_mut().push(Note::Problem(Problem { place, key, text }));
    }

    /// Notes what works but may not be meant.
    pub(super) fn warning(&self, line: String) {
        self.warnings.borrow_mut().push(line);
    }

    /// Notes where the secret `key` is kept.
    pub(super) fn secret(&self, key: String, secret: Secret) {
        self.notes.borrow_mut().push(Note::Secret { key, secret });
    }

    /// Notes the templates of a sync.
    pub(super) fn mapping(&self, spec: Spec) {
        self.notes.borrow_mut().push(Note::Mapping(Box::new(spec)));
    }

    /// The warnings, if there is no problem. If there is one, nobody gets to the secrets and the templates of this configuration, so that they are
    /// looked at here: what is wrong with them is told at once, too. Of the secrets only those that the command needs.
    pub(super) fn conclude(self, env: &Env, secrets: Secrets) -> Result<Vec<String>, Problems> {
        let notes = self.notes.into_inner();
        if !notes.iter().any(|note| matches!(note, Note::Problem(_))) {
            return Ok(self.warnings.into_inner());
        }
        let mut problems = Problems::new(&self.origin);
        for note in notes {
            match note {
                Note::Problem(problem) => problems.push(problem),
                Note::Secret { key, secret } if secrets.include(&key) => {
                    if let Err(what) = secret.resolve(env) {
                        problems.add(key, what);
                    }
                }
                Note::Secret { .. } => {}
                Note::Mapping(spec) => {
                    for problem in Mapping::compile(&spec).err().into_iter().flatten() {
                        problems.add(format!("syncs.{}.{}", spec.sync, problem.path), problem.message);
                    }
                }
            }
        }
        Err(problems)
    }
}
