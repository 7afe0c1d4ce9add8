//! python-dateutil on the same workloads, in a process of its own, when it is there.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::workloads::{Workload, ZONE, basic};

/// Microseconds of each workload, in their order; else why not.
pub(super) fn measure<'a>(workloads: impl Iterator<Item = &'a Workload>) -> Result<Vec<f64>, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/dateutil_bench.py");
    let asked = workloads.map(|w| {
        json!({
            "rule": w.rule, "start": w.start, "until": w.until, "zone": ZONE, "from_s": w.from_s, "to_s": w.to_s,
            "excluded": w.excluded().into_iter().map(basic).collect::<Vec<_>>(), "expected": w.expected,
        })
    });
    let asked = asked.collect::<serde_json::Value>().to_string();
    let mut command = Command::new("python3");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut python = command.spawn().map_err(|_| "python3 cannot be started".to_owned())?;
    if let Some(mut input) = python.stdin.take() {
        input.write_all(asked.as_bytes()).map_err(|_| "python3 does not listen".to_owned())?;
    }
    let output = python.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.lines().last().unwrap_or("python3 failed").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
