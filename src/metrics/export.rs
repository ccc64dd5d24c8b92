//! What was measured, as text.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};

/// What a file for the node exporter's textfile collector may be read by: it runs as another user, and there is nothing secret in it.
const FILE_MODE: u32 = 0o644;

/// Renders what was measured.
#[derive(Debug, Clone)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// Of what this recorder is fed.
    pub(super) fn of(recorder: &PrometheusRecorder) -> Self {
        Self(recorder.handle())
    }

    /// All metrics as text, those of a sync only if it is among `syncs`: one that was removed or renamed would be watched for ever.
    /// Also makes room: what the histogram was fed is summed up.
    pub fn render(&self, syncs: &BTreeSet<String>) -> String {
        let is_of_known = |line: &str| sync_of(line).is_none_or(|sync| syncs.contains(sync));
        self.0.render().split_inclusive('\n').filter(|line| is_of_known(line)).collect()
    }

    /// Sums up what the histogram was fed, so that a process that nobody asks does not grow. To be called now and then.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }

    /// Writes what [`Exporter::render`] gives to `path` for the node exporter's textfile collector: a reader sees the old file or the new
    /// one.
    pub fn write(&self, path: &Path, syncs: &BTreeSet<String>) -> std::io::Result<()> {
        // node_exporter reads *.prom only, so that it passes over the provisional name.
        let mut aside = path.to_path_buf().into_os_string();
        aside.push(format!(".{}.tmp", std::process::id()));
        let aside = Path::new(&aside);
        let written = (|| {
            // Others may write to the collector's folder: what stands there is replaced, and never written through.
            let _ = std::fs::remove_file(aside);
            let mut file = std::fs::File::create_new(aside)?;
            file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE))?;
            file.write_all(self.render(syncs).as_bytes())?;
            file.sync_all()?;
            std::fs::rename(aside, path)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(aside);
        }
        written
    }
}

/// The sync that a sample is about. It is the first label of each metric that has it, and its name needs no escapes.
fn sync_of(line: &str) -> Option<&str> {
    Some(line.split_once("{sync=\"")?.1.split_once('"')?.0)
}
