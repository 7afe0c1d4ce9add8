//! Reads one table: known keys only, environment over file, every fault noted with its place.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checks::Wrong;
use super::error::{Fault, Place};
use super::keys::{environment_name, names, nearest};
use super::{Environment, Secret};

/// The text of a secret file may be so long, in bytes: a token, not a disk.
const SECRET_FILE_BYTES: u64 = 64 * 1024;

/// What all tables of one file share.
pub(super) struct Source<'a> {
    /// The file, for messages and for files named relative to it.
    pub(super) path: &'a Path,
    /// Its text, to count lines.
    pub(super) text: &'a str,
    /// The process's variables.
    pub(super) environment: &'a Environment,
    /// What is wrong so far.
    pub(super) faults: Vec<Fault>,
}

impl Source<'_> {
    /// The place of a byte of the file.
    pub(super) fn place(&self, at: usize) -> Place {
        let before = self.text.as_bytes().iter().take(at);
        Place::Line(self.path.to_path_buf(), 1 + before.filter(|byte| **byte == b'\n').count())
    }

    /// Note a fault.
    pub(super) fn fault(&mut self, place: impl fmt::Display, key: &str, wrong: Wrong) {
        let fault = Fault { place: place.to_string(), key: key.to_string(), problem: wrong.0, fix: wrong.1 };
        self.faults.push(fault);
    }
}

/// A value with its place.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

enum Raw {
    Text(String),
    Integer(i64),
    Other(&'static str),
}

/// One table.
pub(super) struct Reader<'t, 's, 'a> {
    source: &'s mut Source<'a>,
    section: &'static str,
    label: String,
    table: Option<&'t DeTable<'t>>,
    at: usize,
}

impl<'t, 's, 'a> Reader<'t, 's, 'a> {
    /// Open a table and refuse unknown keys. `label` is its path for messages, `at` where it starts.
    pub(super) fn new(
        source: &'s mut Source<'a>,
        section: &'static str,
        label: String,
        table: Option<&'t DeTable<'t>>,
        at: usize,
    ) -> Self {
        let known = names(section);
        for key in table.iter().flat_map(|table| table.keys()) {
            let name = key.get_ref().as_ref();
            if !known.iter().any(|known| known == name) {
                let place = source.place(key.span().start);
                let fix = nearest(name, known.iter().map(String::as_str)).map_or_else(
                    || format!("remove it, or use one of: {}", known.join(", ")),
                    |near| format!("did you mean {near}?"),
                );
                source.fault(place, &format!("{label}.{name}"), ("is not a setting".into(), fix));
            }
        }
        Self { source, section, label, table, at }
    }

    /// The full name of a key.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.label)
    }

    /// Note a fault of a key of this table.
    pub(super) fn fault(&mut self, place: impl fmt::Display, key: &str, wrong: Wrong) {
        let path = self.path(key);
        self.source.fault(place, &path, wrong);
    }

    /// The place of the table itself, for what is missing in it.
    pub(super) fn start(&self) -> Place {
        self.source.place(self.at)
    }

    fn raw(&self, key: &str) -> Option<Found<Raw>> {
        // Lists cannot be overridden: there would be no telling which entry is meant.
        if !self.label.contains('[') {
            let name = environment_name(self.section, key);
            if let Some(value) = self.source.environment.get(&name).filter(|value| !value.is_empty()) {
                return Some(Found { value: Raw::Text(value.clone()), place: Place::Variable(name) });
            }
        }
        let value: &Spanned<DeValue<'_>> = self.table?.get(key)?;
        let raw = match value.get_ref() {
            DeValue::String(text) => Raw::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Raw::Other("a number beyond all bounds"), Raw::Integer),
            DeValue::Float(_) => Raw::Other("a fraction"),
            DeValue::Boolean(_) => Raw::Other("true or false"),
            DeValue::Datetime(_) => Raw::Other("a date"),
            DeValue::Array(_) => Raw::Other("a list"),
            DeValue::Table(_) => Raw::Other("a table"),
        };
        Some(Found { value: raw, place: self.source.place(value.span().start) })
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Option<Found<String>> {
        let Found { value, place } = self.raw(key)?;
        let kind = match value {
            Raw::Text(value) => return Some(Found { value, place }),
            Raw::Integer(_) => "a number",
            Raw::Other(kind) => kind,
        };
        self.fault(place, key, (format!("is {kind}, not a text"), "write a text in quotes".into()));
        None
    }

    /// A text that passes a check.
    pub(super) fn checked(&mut self, key: &str, check: impl Fn(&str) -> Result<(), Wrong>) -> Option<String> {
        let found = self.text(key)?;
        match check(&found.value) {
            Ok(()) => Some(found.value),
            Err(wrong) => {
                self.fault(found.place, key, wrong);
                None
            }
        }
    }

    /// As `checked`, and it must be there. An empty text stands for a fault that is noted.
    pub(super) fn required(&mut self, key: &str, check: impl Fn(&str) -> Result<(), Wrong>) -> String {
        if self.raw(key).is_none() {
            let place = self.start();
            self.fault(place, key, ("is missing".into(), "add it".into()));
            return String::new();
        }
        self.checked(key, check).unwrap_or_default()
    }

    /// A whole number within bounds, or the default.
    pub(super) fn number(&mut self, key: &str, default: u32, least: u32, most: u32) -> u32 {
        let Some(Found { value, place }) = self.raw(key) else { return default };
        let number = match (&value, &place) {
            (Raw::Integer(number), _) => Some(*number),
            (Raw::Text(text), Place::Variable(_)) => text.trim().parse().ok(),
            _ => None,
        };
        match number.and_then(|number| u32::try_from(number).ok()).filter(|number| (least..=most).contains(number)) {
            Some(number) => number,
            None => {
                let wrong =
                    ("is not a whole number within bounds".into(), format!("write {least} to {most}, without quotes"));
                self.fault(place, key, wrong);
                default
            }
        }
    }

    /// One of a few words, or the default.
    pub(super) fn choice<T: Clone>(&mut self, key: &str, default: T, words: &[(&str, T)]) -> T {
        let Some(found) = self.text(key) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
            return value.clone();
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.fault(
            found.place,
            key,
            ("is not one of the choices".into(), format!("write one of: {}", list.join(", "))),
        );
        default
    }

    /// A secret: `key` itself, or `key_env` naming a variable, or `key_file` naming a file beside this one.
    pub(super) fn secret(&mut self, key: &str) -> Option<Found<Secret>> {
        let (by_variable, by_file) = (format!("{key}_env"), format!("{key}_file"));
        let given: Vec<&str> =
            [key, &by_variable, &by_file].into_iter().filter(|name| self.raw(name).is_some()).collect();
        let [name] = given.as_slice() else {
            if given.len() > 1 {
                let place = self.raw(key).map_or_else(|| self.start(), |found| found.place);
                let wrong = (format!("is given more than once ({})", given.join(", ")), "keep one of them".into());
                self.fault(place, key, wrong);
            }
            return None;
        };
        let found = self.text(name)?;
        let read =
            if *name == by_variable {
                self.source.environment.get(&found.value).cloned().ok_or_else(|| {
                    ("names a variable that is not set".to_string(), "set it, or name another".to_string())
                })
            } else if *name == by_file {
                read_secret(self.source.path, &found.value)
            } else {
                Ok(found.value)
            };
        let checked = read.and_then(|text| match text.trim() {
            "" => Err(("is empty".to_string(), "give the secret, or leave the key out".to_string())),
            text if text.chars().any(|c| c.is_control() || c == ' ') => {
                Err(("has spaces or control characters inside".to_string(), "give the secret alone".to_string()))
            }
            text => Ok(Secret::new(text.to_string())),
        });
        match checked {
            Ok(value) => Some(Found { value, place: found.place }),
            Err(wrong) => {
                self.fault(found.place, name, wrong);
                None
            }
        }
    }
}

/// The text of a secret file; a relative path starts at the directory of the settings.
fn read_secret(settings: &Path, name: &str) -> Result<String, Wrong> {
    let path: PathBuf = settings.parent().unwrap_or_else(|| Path::new("")).join(name);
    let unreadable = |error: std::io::Error| {
        (format!("names a file that cannot be read ({})", error.kind()), "name a readable file".to_string())
    };
    let size = std::fs::metadata(&path).map_err(unreadable)?.len();
    if size > SECRET_FILE_BYTES {
        return Err(("names a file that is too large for a secret".into(), "name a file of one line".into()));
    }
    std::fs::read_to_string(&path).map_err(unreadable)
}
