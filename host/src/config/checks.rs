//! What a value must look like. Pure: each check says what is wrong and what to write.

use std::net::IpAddr;

use http::Uri;

/// What is wrong, and the fix.
pub(super) type Wrong = (String, String);

/// An id as the boundary defines it: 1 to 200 of `A-Z a-z 0-9 . _ -`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// True for names and addresses of this machine, brackets of IPv6 allowed.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `host:port` of a plain HTTP URL; none for HTTPS.
#[must_use]
pub fn plain_http_authority(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    (uri.scheme_str() == Some("http")).then(|| authority(&uri)).flatten()
}

/// `host` or `host:port` of an HTTPS URL; none for plain HTTP.
#[must_use]
pub fn https_authority(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    (uri.scheme_str() == Some("https")).then(|| uri.authority().map(ToString::to_string)).flatten()
}

fn authority(uri: &Uri) -> Option<String> {
    Some(format!("{}:{}", uri.host()?, uri.port_u16().unwrap_or(80)))
}

/// An id, or what is wrong.
pub(super) fn id(text: &str) -> Result<(), Wrong> {
    if is_id(text) {
        return Ok(());
    }
    Err(("is not an id".into(), "write 1 to 200 characters of A-Z a-z 0-9 . _ -".into()))
}

/// A base URL: http(s), no slash, query, user or fragment at the end, plain http only on this machine.
pub(super) fn base_url(text: &str) -> Result<(), Wrong> {
    let wrong = |problem: &str, fix: &str| Err((problem.to_string(), fix.to_string()));
    let example = "write one like https://sync.example.com";
    if text.contains('#') {
        return wrong("has a fragment", example);
    }
    let Ok(uri) = text.parse::<Uri>() else { return wrong("is not a URL", example) };
    let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
        return wrong("is not an absolute URL", example);
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return wrong("holds a user name or password", "leave them out");
    }
    if uri.query().is_some() {
        return wrong("has a query", "leave the part from ? on out");
    }
    if text.ends_with('/') {
        return wrong("ends with a slash", "leave the slash out");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback_host(host) => Ok(()),
        Some("http") => wrong("uses plain http toward another machine", "write https://"),
        _ => wrong("is neither http nor https", example),
    }
}

/// A scope of OAuth: names with one space between them (RFC 6749, 3.3). Commas would be allowed there, but Microsoft
/// takes them for separators with personal accounts only.
pub(super) fn scope(text: &str) -> Result<(), Wrong> {
    let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b',');
    if text.len() <= 2_000 && text.split(' ').all(|name| !name.is_empty() && name.bytes().all(allowed)) {
        return Ok(());
    }
    Err(("is not a list of scopes".into(), "write their names with one space between them".into()))
}

/// The shape of an IANA zone name; whether it exists is for the component to say.
pub(super) fn time_zone(text: &str) -> Result<(), Wrong> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+');
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    if starts && text.len() <= 64 && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(("is not the name of a time zone".into(), "write an IANA name, for example Europe/Berlin".into()))
}

/// A text of 1 to `most` characters without control characters.
pub(super) fn text(text: &str, most: usize) -> Result<(), Wrong> {
    if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(("is empty, too long or has control characters".into(), format!("write 1 to {most} characters on one line")))
}
