//! The list of all keys: what is known, what is secret. The documentation is checked against it.

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// A secret: may also be given as `KEY_env` or `KEY_file`, and is never shown.
    pub secret: bool,
}

/// A table of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Its name; dotted for a list inside a list.
    pub name: &'static str,
    /// Written as `[[name]]`: any number of them, and not to be had from the environment.
    pub list: bool,
    /// Its keys.
    pub settings: &'static [Setting],
}

const fn plain(key: &'static str) -> Setting {
    Setting { key, secret: false }
}

const fn secret(key: &'static str) -> Setting {
    Setting { key, secret: true }
}

/// Every section with every key.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "server",
        list: false,
        settings: &[plain("listen"), plain("public_url"), secret("api_token"), plain("shutdown_timeout_s")],
    },
    Section { name: "store", list: false, settings: &[plain("path"), plain("synchronous")] },
    Section {
        name: "sync",
        list: false,
        settings: &[
            plain("poll_interval_s"),
            plain("safety_poll_interval_s"),
            plain("page_size"),
            plain("workers"),
            plain("lease_s"),
        ],
    },
    Section { name: "security", list: false, settings: &[secret("signing_key")] },
    Section {
        name: "google",
        list: false,
        settings: &[plain("base_url"), plain("token_url"), plain("client_id"), secret("client_secret")],
    },
    Section {
        name: "microsoft",
        list: false,
        settings: &[plain("base_url"), plain("token_url"), plain("client_id"), secret("client_secret"), plain("scope")],
    },
    Section {
        name: "sandbox",
        list: false,
        settings: &[plain("memory_mb"), plain("call_timeout_ms"), plain("cache_dir")],
    },
    Section { name: "zones", list: false, settings: &[plain("directory")] },
    Section { name: "log", list: false, settings: &[plain("level"), plain("format")] },
    Section {
        name: "connections",
        list: true,
        settings: &[plain("tenant"), plain("id"), plain("provider"), secret("access_token"), secret("refresh_token")],
    },
    Section {
        name: "calendars",
        list: true,
        settings: &[plain("tenant"), plain("id"), plain("name"), plain("time_zone"), plain("replicas")],
    },
    Section {
        name: "calendars.replicas",
        list: true,
        settings: &[plain("id"), plain("connection"), plain("remote_calendar"), plain("mode"), plain("policy")],
    },
];

/// The variable that overrides a key.
#[must_use]
pub fn environment_name(section: &str, key: &str) -> String {
    format!("TANDEM_{}_{}", section.to_uppercase(), key.to_uppercase())
}

/// Names that may stand in a table.
pub(super) fn names(section: &str) -> Vec<String> {
    let mut names = Vec::new();
    for setting in SECTIONS.iter().filter(|known| known.name == section).flat_map(|known| known.settings) {
        names.push(setting.key.to_string());
        if setting.secret {
            names.push(format!("{}_env", setting.key));
            names.push(format!("{}_file", setting.key));
        }
    }
    names
}

/// The known name that was probably meant.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase().replace('-', "_");
    let (distance, name) = known.into_iter().map(|name| (distance(&wrong, name), name)).min()?;
    (distance <= 1 + name.len() / 3).then_some(name)
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((right, diagonal), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let beside = next.last().copied().unwrap_or(0) + 1;
            next.push((diagonal + usize::from(left != *right)).min(above + 1).min(beside));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
