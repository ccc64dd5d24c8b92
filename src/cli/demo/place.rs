//! The demo's folder. What is in it is never overwritten, unless it is a demo's and `--fresh` is given.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::take_lease;
use crate::cli::exit::{Exit, Failure};
use crate::cli::load;
use crate::config::{self, Env, Secrets};
use crate::ledger::{Lease, key_path, mark_path};
use crate::sandbox::{Options, export};
use crate::worker::Prepared;

/// Name of the demo's configuration.
const CONFIGURATION: &str = "lead-sync.toml";

/// Any free port of this machine.
const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Where a demo plays.
pub(super) struct Place {
    folder: PathBuf,
    /// The local WeGroup's address in the configuration of an earlier demo.
    known: Option<SocketAddr>,
    fresh: bool,
}

impl Place {
    /// Looks at the folder: a demo's, an empty one or none at all will do.
    pub(super) fn find(folder: &Path, fresh: bool) -> Result<Self, Failure> {
        let mut place = Self { folder: folder.to_owned(), known: None, fresh };
        if place.configuration().exists() {
            place.known = Some(place.read_address()?);
        } else if let Some(foreign) = [export::FILE_NAME, "lead-sync.db"].iter().find(|name| folder.join(name).exists())
        {
            let text = format!(
                "{} is there already, and not from a demo: name another folder with --folder",
                folder.join(foreign).display()
            );
            return Err(Failure::usage(text));
        }
        Ok(place)
    }

    /// The configuration file.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.join(CONFIGURATION)
    }

    /// The export.
    pub(super) fn export(&self) -> PathBuf {
        self.folder.join(export::FILE_NAME)
    }

    /// An earlier demo left its files, and they are used.
    pub(super) fn goes_on(&self) -> bool {
        self.known.is_some() && !self.fresh
    }

    /// Where the local WeGroup is to listen.
    pub(super) fn address(&self) -> SocketAddr {
        self.known.filter(|_| !self.fresh).unwrap_or_else(|| ANY.into())
    }

    /// The address that all leads of this configuration go to. The demo sends nothing to anywhere else.
    fn read_address(&self) -> Result<SocketAddr, Failure> {
        let path = self.configuration();
        // Without the environment, which may be set up for the real thing.
        let loaded = config::load(&path, &Env::default(), Secrets::None).map_err(Failure::usage)?;
        let mut addresses = loaded.unresolved.connections.iter().map(|connection| {
            let url = &connection.destination.api_url;
            let ip = url.host_str()?.parse().ok()?;
            let address = SocketAddr::new(ip, url.port()?);
            (url.scheme() == "http" && ip.is_loopback()).then_some(address)
        });
        let first = addresses.next().flatten();
        first.filter(|_| addresses.all(|address| address == first)).ok_or_else(|| {
            let text = format!(
                "{} does not send to a local WeGroup alone, so it is left alone: name another folder with --folder",
                path.display()
            );
            Failure::usage(text)
        })
    }

    /// Writes what is missing and takes the ledger.
    pub(super) fn open(&self, address: SocketAddr) -> Result<(Prepared, Lease), Failure> {
        let failed = |path: &Path, error: &std::io::Error| {
            Failure::new(
                Exit::Error,
                format!("cannot write {}: {error}; name another folder with --folder", path.display()),
            )
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| failed(&self.folder, &error))?;
        if self.fresh && self.known.is_some() {
            self.forget()?;
        }
        if !self.export().exists() {
            export::write(&self.folder).map_err(|error| failed(&self.export(), &error))?;
        }
        if !self.configuration().exists() {
            let text = export::configuration(address, &Options::default());
            write_new(&self.configuration(), &text).map_err(|error| failed(&self.configuration(), &error))?;
        }
        let prepared = self.configured()?;
        let lease = take_lease(&prepared)?;
        Ok((prepared, lease))
    }

    fn configured(&self) -> Result<Prepared, Failure> {
        let env = Env::default();
        let loaded = config::load(&self.configuration(), &env, Secrets::Connections).map_err(Failure::usage)?;
        let settings = loaded.settings(&env).map_err(Failure::usage)?;
        load::prepare(&loaded, settings, &[])
    }

    /// Removes what an earlier demo wrote, once nobody else works with its ledger.
    fn forget(&self) -> Result<(), Failure> {
        let prepared = self.configured()?;
        let _lease = take_lease(&prepared)?;
        let ledger = &prepared.settings.ledger;
        let beside = |suffix: &str| {
            let mut name = ledger.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        let files = [
            beside("-wal"),
            beside("-shm"),
            ledger.clone(),
            key_path(ledger),
            mark_path(ledger),
            self.export(),
            self.configuration(),
        ];
        for path in files {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::new(Exit::Error, format!("cannot remove {}: {error}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes a file that only its owner may read: it holds a token, though a made-up one.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
