//! A small disk of the test's own, which can be filled.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Ran, Scene};

/// Mounted in the folder of a scene; unmounted when dropped.
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Of this size, as mount(8) takes it. `None`, and that is said, unless root runs the tests.
    pub(crate) fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder).status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("only root may mount a small disk: nothing was tested");
            return None;
        }
        Some(Self { folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs the program to its end, with its ledger on this disk.
    pub(crate) fn cli(&self, scene: &Scene, args: &[&str]) -> Ran {
        scene.command(args).env("LEAD_SYNC__LEDGER__PATH", self.path("lead-sync.db")).output().unwrap().into()
    }

    /// Fills it but for so many bytes.
    pub(crate) fn fill(&self, left: u64) {
        let free = rustix::fs::statvfs(&self.folder).unwrap();
        let file = File::create(self.path(FILLING)).unwrap();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, free.f_bavail * free.f_frsize - left)
            .unwrap();
    }

    /// Empties it again.
    pub(crate) fn free(&self) {
        fs::remove_file(self.path(FILLING)).unwrap();
    }
}

/// What fills it.
const FILLING: &str = "filling";

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.folder).status();
    }
}
