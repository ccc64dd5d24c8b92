//! Wall time, processor time and peak memory of another program.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::Result;

/// The first argument that starts it; then the program and its arguments, with `@` before each so that this program takes none of them.
///
/// It is a process of its own because the peak memory of children is that of the largest there ever was, and begins with that of the
/// parent: this one is small and has one child.
pub(crate) const ROLE: &str = "meter";

/// What a program took.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Taken {
    /// From start to exit.
    pub(crate) wall: Duration,
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// Largest resident set, in bytes.
    pub(crate) memory: u64,
}

/// Runs `program` to its end, which must be a success, and gives what it took and what it printed.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<(Taken, String)> {
    let output = Command::new(std::env::current_exe()?)
        .arg(ROLE)
        .args([program].iter().chain(args).map(|arg| format!("@{arg}")))
        .stderr(Stdio::inherit())
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let (before, last) = printed.trim_end().rsplit_once('\n').unwrap_or(("", printed.trim_end()));
    let numbers: Vec<u64> = last.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [wall, cpu, memory, 0] = numbers[..] else {
        return Err(format!("{program} {args:?} failed: {printed}").into());
    };
    Ok((Taken { wall: Duration::from_micros(wall), cpu: Duration::from_micros(cpu), memory }, before.to_owned()))
}

/// The same with this program under another first argument.
pub(crate) fn run_self(args: &[&str]) -> Result<(Taken, String)> {
    let program = std::env::current_exe()?;
    run(program.to_str().ok_or("the program's name is not text")?, args)
}

/// Runs a program and prints what it printed, then what it took and its exit code.
pub(crate) fn measure(args: &[String]) -> Result<()> {
    let args: Vec<&str> = args.iter().filter_map(|arg| arg.strip_prefix('@')).collect();
    let Some((program, args)) = args.split_first() else { return Err("meter @PROGRAM @ARGUMENT…".into()) };
    let began = Instant::now();
    let mut child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut printed = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut printed)?;
    }
    let status = child.wait()?;
    let wall = began.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = duration(usage.user_time()) + duration(usage.system_time());
    let memory = usage.max_rss() * 1024;
    println!("{}", printed.trim_end());
    println!("{} {} {memory} {}", wall.as_micros(), cpu.as_micros(), status.code().unwrap_or(1));
    Ok(())
}

/// Processor time of this process.
pub(crate) fn own_processor_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

fn duration(time: TimeVal) -> Duration {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec())) + Duration::from_micros(part(time.tv_usec()))
}
