//! Where the ledger lies, as the file system tells: storage that forgets it, or that cannot keep it whole.

use std::path::Path;

/// Says what threatens a ledger at `ledger` because of where it lies, and what to do; `None` on a local disk. The ledger need not exist yet.
/// `in_container` tells whether this process runs in a container, whose own files vanish with it.
pub fn storage_warning(ledger: &Path, in_container: bool) -> Option<String> {
    let folder = ledger.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let found = system::look(folder)?;
    judge(found, in_container).map(|threat| format!("the ledger {} {threat}", ledger.display()))
}

/// What the system says about a folder.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// The file system's kind: `f_type` of statfs(2).
    kind: u32,
    /// True if no file system is mounted between `/` and the folder.
    on_root: bool,
}

/// The kinds of file system that matter here, from statfs(2) and linux/magic.h.
mod kind {
    pub(super) const NFS: u32 = 0x6969;
    pub(super) const SMB: u32 = 0x517b;
    pub(super) const CIFS: u32 = 0xff53_4d42;
    pub(super) const SMB2: u32 = 0xfe53_4d42;
    /// Shares a folder of the host with a virtual machine.
    pub(super) const PLAN9: u32 = 0x0102_1997;
    pub(super) const CEPH: u32 = 0x00c3_6400;
    pub(super) const FUSE: u32 = 0x6573_5546;
    /// ext2, ext3 and ext4.
    pub(super) const EXT: u32 = 0xef53;
    pub(super) const XFS: u32 = 0x5846_5342;
    pub(super) const OVERLAY: u32 = 0x794c_7630;
    pub(super) const TMPFS: u32 = 0x0102_1994;
    pub(super) const RAMFS: u32 = 0x8584_58f6;
}

fn judge(found: Found, in_container: bool) -> Option<&'static str> {
    match found.kind {
        // A system whose root is an overlay is a container or a live system, whatever else is known of it. In a container on an ordinary disk
        // nothing is said: that is as often a virtual machine made from an image, whose marks it keeps.
        kind if found.on_root && (kind == kind::OVERLAY || in_container && !matches!(kind, kind::EXT | kind::XFS)) => {
            Some(
                "lies inside the container and vanishes with it; without it every lead of the export is sent again. \
                 Mount a volume on its folder",
            )
        }
        // https://sqlite.org/wal.html: all processes that use a database must be on the same host.
        kind::NFS | kind::SMB | kind::CIFS | kind::SMB2 | kind::PLAN9 | kind::CEPH => Some(
            "lies on a network file system, where SQLite's locks and shared memory do not hold: it can be damaged. \
             Set [ledger] path to a local disk",
        ),
        kind::FUSE => Some(
            "lies on a FUSE file system; if that is a remote one, SQLite's locks and shared memory do not hold and it can be \
             damaged. Set [ledger] path to a local disk",
        ),
        kind::TMPFS | kind::RAMFS => Some(
            "lies in memory and is gone after a restart; without it every lead of the export is sent again. \
             Set [ledger] path to a disk",
        ),
        _ => None,
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, StatxFlags, statfs, statx};

    use super::Found;

    pub(super) fn look(folder: &Path) -> Option<Found> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the magic numbers have 32 bits")]
        let kind = statfs(folder).ok()?.f_type as u32;
        Some(Found { kind, on_root: mount(folder)? == mount(Path::new("/"))? })
    }

    /// Tells mounts apart: by their number, or by the device where the kernel is older than 5.8. A volume can be on the same device as `/`.
    fn mount(folder: &Path) -> Option<(u64, u32, u32)> {
        let found = statx(CWD, folder, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
        if StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID) {
            Some((found.stx_mnt_id, 0, 0))
        } else {
            Some((0, found.stx_dev_major, found.stx_dev_minor))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use super::Found;

    /// Nothing is known elsewhere.
    pub(super) fn look(_folder: &Path) -> Option<Found> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of the kinds that some container engines use for `/` in place of an overlay.
    const BTRFS: u32 = 0x9123_683e;

    fn warning(kind: u32, on_root: bool, in_container: bool) -> &'static str {
        judge(Found { kind, on_root }, in_container).unwrap_or("")
    }

    #[test]
    fn a_local_disk_is_fine_also_as_a_volume_of_a_container() {
        for local in [kind::EXT, kind::XFS, BTRFS] {
            assert_eq!(warning(local, true, false), "");
            assert_eq!(warning(local, false, false), "");
            assert_eq!(warning(local, false, true), "");
        }
        assert_eq!(warning(kind::OVERLAY, false, true), "", "a volume can be one, too");
    }

    #[test]
    fn what_is_not_on_a_volume_vanishes_with_the_container() {
        for own in [kind::OVERLAY, BTRFS, kind::FUSE] {
            assert!(warning(own, true, true).contains("vanishes with it"), "{own:x}");
        }
        assert!(warning(kind::OVERLAY, true, false).contains("vanishes with it"), "whatever the container is called");
    }

    #[test]
    fn network_and_memory_are_told_apart_in_and_out_of_a_container() {
        for in_container in [false, true] {
            for remote in [kind::NFS, kind::CIFS, kind::SMB2, kind::FUSE] {
                assert!(warning(remote, false, in_container).contains("can be damaged"), "{remote:x}");
            }
            assert!(warning(kind::TMPFS, false, in_container).contains("gone after a restart"));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_ledger_that_is_to_be_created_is_judged_by_the_folder_that_is_there() {
        let warning = storage_warning(Path::new("/dev/shm/not/there/yet/lead-sync.db"), false);
        assert_eq!(
            warning.as_deref(),
            Some(
                "the ledger /dev/shm/not/there/yet/lead-sync.db lies in memory and is gone after a restart; \
                 without it every lead of the export is sent again. Set [ledger] path to a disk"
            )
        );
    }
}
