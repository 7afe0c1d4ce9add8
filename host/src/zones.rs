//! Zone rules of this machine, for a component whose own are older: a directory of TZif files, as operating systems
//! keep at `/usr/share/zoneinfo`. Read when they are asked for, so that an update needs no restart.
//!
//! Invariant: a name from the sandbox reaches no file outside the directory.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest file of one zone, in bytes; those of the tz database have some 4,000.
const MOST_BYTES: u64 = 1 << 16;
/// What such files begin with (RFC 9636).
const MAGIC: &[u8] = b"TZif";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFiles {
    directory: PathBuf,
}

/// Why a directory cannot be used. The text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "zones.directory: {0} holds no compiled zone rules (there is no TZif file Europe/London); \
     install the tz database of the system (Debian: apt-get install tzdata), or remove the key"
)]
pub struct NoZones(String);

impl ZoneFiles {
    /// A directory of zone rules.
    ///
    /// # Errors
    /// When it does not look like one.
    pub fn open(directory: &Path) -> Result<Self, NoZones> {
        let files = Self { directory: directory.to_owned() };
        match files.rules("Europe/London") {
            Some(_) => Ok(files),
            None => Err(NoZones(directory.display().to_string())),
        }
    }

    /// The version of the database, as its own files tell it; `unknown` when they do not.
    #[must_use]
    pub fn version(&self) -> String {
        let first_line = |name: &str| {
            let mut text = String::new();
            File::open(self.directory.join(name)).ok()?.take(64).read_to_string(&mut text).ok()?;
            text.lines().next().map(str::to_owned)
        };
        let compact = first_line("tzdata.zi").and_then(|line| line.strip_prefix("# version ").map(str::to_owned));
        let version = compact.or_else(|| first_line("+VERSION"));
        version.map(|version| version.trim().to_owned()).filter(|v| !v.is_empty()).unwrap_or_else(|| "unknown".into())
    }

    /// The rules of a zone; none when there are none, or the name is not one of a zone.
    #[must_use]
    pub fn rules(&self, zone: &str) -> Option<Vec<u8>> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
        };
        if zone.len() > 64 || !zone.split('/').all(part) {
            return None;
        }
        let mut rules = Vec::new();
        File::open(self.directory.join(zone)).ok()?.take(MOST_BYTES + 1).read_to_end(&mut rules).ok()?;
        let fits = u64::try_from(rules.len()).is_ok_and(|length| length <= MOST_BYTES);
        (fits && rules.starts_with(MAGIC)).then_some(rules)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_zones_inside_the_directory_are_read() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("zoneinfo");
        std::fs::create_dir_all(directory.join("Europe")).unwrap();
        assert!(ZoneFiles::open(&directory).unwrap_err().to_string().contains("tzdata"));
        std::fs::write(directory.join("Europe/London"), b"TZif2...").unwrap();
        std::fs::write(directory.join("Europe/Odd"), b"no rules").unwrap();
        std::fs::write(home.path().join("secret"), b"TZif2 of somebody else").unwrap();
        let zones = ZoneFiles::open(&directory).unwrap();
        assert_eq!(zones.version(), "unknown");
        std::fs::write(directory.join("tzdata.zi"), "# version 2026e\nR A 1916 o - Jun 14 23s 1 S\n").unwrap();
        assert_eq!(zones.version(), "2026e");
        assert_eq!(zones.rules("Europe/London").unwrap(), b"TZif2...");
        for name in ["Europe/Odd", "Europe", "../secret", "Europe/../../secret", "/etc/hostname", "", "Europe/", "a\0b"]
        {
            assert_eq!(zones.rules(name), None, "{name:?}");
        }
    }
}
