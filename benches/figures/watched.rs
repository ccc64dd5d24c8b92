//! A daemon that is looked at from outside, as `/proc` shows it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::subject::{PROGRAM, Subject};

/// What `/proc` counts processor time in: hundredths of a second, on every Linux (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// The real program as a daemon; ends with this value.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
    wal: PathBuf,
}

/// How it is at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Resident set, in bytes.
    pub(crate) memory: u64,
    /// The part of it that is no file's: heap and stacks, in bytes.
    pub(crate) anonymous: u64,
    /// Open files, sockets and the like.
    pub(crate) descriptors: u64,
    /// Size of the write-ahead log, in bytes.
    pub(crate) wal: u64,
    /// User and system time of all its threads since it began.
    pub(crate) cpu: Duration,
}

impl Daemon {
    /// Over a subject's configuration, at these times (cron with seconds) and, if so, at its start; with a server for its metrics.
    pub(crate) fn start(subject: &Subject, schedule: &str, at_start: bool) -> Result<Self> {
        let log = subject.path("daemon.log");
        let child = Command::new(PROGRAM)
            .arg("--config")
            .arg(subject.path("bench.toml"))
            .env("LEAD_SYNC__SYNCS__CUSTOMERS__SCHEDULE", schedule)
            .env("LEAD_SYNC__SYNCS__CUSTOMERS__RUN_AT_START", at_start.to_string())
            .env("LEAD_SYNC__HTTP__LISTEN", "127.0.0.1:0")
            .env("LEAD_SYNC_LOG_FORMAT", "text")
            // As its unit and its image have it.
            .envs([("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "131072")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()?;
        let mut daemon = Self { child, log, wal: subject.path("lead-sync.db-wal") };
        while !daemon.said("ready ") {
            if daemon.child.try_wait()?.is_some() {
                return Err(format!("the daemon ended: {}", fs::read_to_string(&daemon.log)?).into());
            }
            std::thread::sleep(TICK);
        }
        Ok(daemon)
    }

    fn said(&self, text: &str) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.contains(text))
    }

    /// How often it has told the end of a run.
    pub(crate) fn runs(&self) -> Result<usize> {
        Ok(fs::read_to_string(&self.log)?.matches("outcome=").count())
    }

    /// Looks at it.
    pub(crate) fn sample(&self) -> Result<Sample> {
        let of = Path::new("/proc").join(self.child.id().to_string());
        let status = fs::read_to_string(of.join("status"))?;
        let bytes = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("the daemon is gone")?;
            Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
        };
        let stat = fs::read_to_string(of.join("stat"))?;
        // The name before it may hold spaces. After it, user and system time are the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').collect();
        let Some([user, system]) = fields.get(11..13) else { return Err("/proc is not as it was".into()) };
        Ok(Sample {
            memory: bytes("VmRSS")?,
            anonymous: bytes("RssAnon")?,
            descriptors: fs::read_dir(of.join("fd"))?.count() as u64,
            // There is none before the first run and after a checkpoint that takes it away.
            wal: fs::metadata(&self.wal).map_or(0, |file| file.len()),
            cpu: TICK * (user.parse::<u32>()? + system.parse::<u32>()?),
        })
    }

    /// Stops it, which must be no failure.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the daemon ended with {status}").into()) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
