//! Which authorities may be reached, and how.

use std::collections::BTreeSet;

use http::Uri;
use http::uri::Scheme;

/// `host:port` pairs in lower case, the port always written out.
#[derive(Debug)]
pub(crate) struct AllowList {
    secure: BTreeSet<String>,
    plain: BTreeSet<String>,
}

impl AllowList {
    /// Entries without a port mean 443 (secure) or 80 (plain).
    pub(crate) fn new(secure: &[String], plain: &[String]) -> Self {
        let all = |entries: &[String], port| entries.iter().map(|entry| with_port(entry, port)).collect();
        Self { secure: all(secure, 443), plain: all(plain, 80) }
    }

    /// Whether a request may go there. A user part in the authority is never allowed: it only serves to deceive.
    pub(crate) fn admits(&self, uri: &Uri) -> bool {
        let Some(authority) = authority(uri) else { return false };
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => {
                self.secure.contains(&authority) || self.plain.contains(&authority)
            }
            Some(scheme) if *scheme == Scheme::HTTP => self.plain.contains(&authority),
            _ => false,
        }
    }
}

/// `host:port` of a URL, in lower case, with the scheme's port when none is written.
pub(crate) fn authority(uri: &Uri) -> Option<String> {
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let port = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    Some(with_port(authority.as_str(), port))
}

fn with_port(authority: &str, port: u16) -> String {
    let authority = authority.to_ascii_lowercase();
    // The colons inside `[::1]` are no port.
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority.split_at(after_host).1.rsplit_once(':') {
        Some((_, digits)) if !digits.is_empty() => authority,
        Some(_) => format!("{authority}{port}"),
        None => format!("{authority}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_listed_authorities_are_admitted() {
        let list = AllowList::new(&["API.example".into(), "other.example:8443".into()], &["127.0.0.1:9000".into()]);
        let cases = [
            ("https://api.example/x", true),
            ("https://api.EXAMPLE:443/x", true),
            ("https://api.example:/x", true),
            ("https://api.example:444/x", false),
            ("http://api.example/x", false),
            ("http://api.example:443/x", false),
            ("https://api.example.evil.example/", false),
            ("https://evil.example/api.example", false),
            ("https://api.example@evil.example/", false),
            ("https://user@api.example/", false),
            ("https://other.example/", false),
            ("https://other.example:8443/", true),
            ("http://127.0.0.1:9000/", true),
            ("https://127.0.0.1:9000/", true),
            ("http://127.0.0.1:9001/", false),
            ("http://[::1]:9000/", false),
            ("/no-authority", false),
        ];
        for (url, expected) in cases {
            // A URL that cannot be parsed cannot be sent either.
            let admitted = url.parse::<Uri>().is_ok_and(|uri| list.admits(&uri));
            assert_eq!(admitted, expected, "{url}");
        }
    }

    #[test]
    fn an_address_in_brackets_keeps_its_colons() {
        assert_eq!(with_port("[::1]", 80), "[::1]:80");
        assert_eq!(with_port("[::1]:9000", 80), "[::1]:9000");
    }
}
