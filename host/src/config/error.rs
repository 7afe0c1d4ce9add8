//! What is wrong with the settings: where, what, and what to write. Never a value of a secret.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands: `tandem.toml:12` or `environment variable TANDEM_LOG_LEVEL`.
    pub place: String,
    /// The key, for example `calendars[0].replicas[1].mode`; empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.fix)
    }
}

/// Every mistake of the settings, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl ConfigError {
    /// The file itself cannot be read.
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let problem = if error.kind() == std::io::ErrorKind::InvalidData {
            "is not UTF-8 text".into()
        } else {
            format!("cannot be read: {error}")
        };
        let fix = "name another file with --config or TANDEM_CONFIG, or correct this one".into();
        Self { faults: vec![Fault { place: path.display().to_string(), key: String::new(), problem, fix }] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A line of the file, from 1.
    Line(PathBuf, usize),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}
