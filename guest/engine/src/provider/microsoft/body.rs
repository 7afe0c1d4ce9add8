//! Bodies: HTML as Outlook writes it, to a description and back.
//!
//! A body without formatting becomes plain text, any other stays HTML, so that an edit of the description does not
//! flatten it. The block that an online meeting keeps in its body is cut off, remembered, and sent back with every
//! change of the description: without it the meeting ends.
//!
//! White space is for the server: it may fold it, or keep it by no-break spaces. What that makes of a description is
//! nobody's edit, so descriptions that only differ in it count as the same, and each side keeps its own.

use serde_json::{Map, Value};

use super::wire;
use crate::event::Document;

/// Tags that say nothing but where lines end.
const PLAIN: [&str; 11] = ["html", "head", "meta", "title", "body", "div", "p", "br", "span", "font", "o:p"];
/// Tags that begin and end a line.
const BLOCKS: [&str; 2] = ["div", "p"];
/// The properties of a description.
const NAMES: [&str; 2] = ["description", "descriptionContentType"];
/// What the block of an online meeting begins with.
const MEETING: [&str; 2] = ["me-email-text", "________________________"];

/// A body that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The description.
    pub(super) text: String,
    /// It is HTML.
    pub(super) html: bool,
    /// The online meeting's block.
    pub(super) blob: String,
}

/// Read a body.
pub(super) fn read(body: &wire::Body, online: bool) -> Read {
    let content = body.content.as_deref().unwrap_or_default();
    if !body.content_type.eq_ignore_ascii_case("html") {
        return Read { text: lines(content), ..Read::default() };
    }
    let inner = inner(content);
    let at = if online { meeting(inner) } else { inner.len() };
    let (own, blob) = inner.split_at_checked(at).unwrap_or((inner, ""));
    let blob = blob.trim().to_owned();
    match plain(own) {
        Some(text) => Read { text, html: false, blob },
        None => Read { text: lines(own), html: true, blob },
    }
}

/// The body to write.
pub(super) fn write(description: &str, html: bool, blob: &str) -> Value {
    let (kind, content) = match (html, blob.is_empty()) {
        (false, true) => ("text", description.to_owned()),
        (true, true) => ("html", description.to_owned()),
        (true, false) => ("html", format!("{description}\n{blob}")),
        (false, false) => ("html", format!("<div>{}</div>\n{blob}", escaped(description))),
    };
    serde_json::json!({"contentType": kind, "content": content})
}

/// A document with its descriptions in the form that all have which Outlook shows alike.
pub(super) fn shown(document: &Document) -> Document {
    let said = said(document.properties(), ("", false));
    let series = members(said);
    let mut shown = document.clone();
    for (name, value) in NAMES.into_iter().zip(&series) {
        if document.get(name) != value.as_ref() {
            shown.set(name, value.clone());
        }
    }
    let speaks = |patch: &Value| NAMES.iter().any(|name| patch.get(name).is_some());
    if let Some(all) = document.overrides().filter(|all| all.values().any(speaks)) {
        let occurrence = |(id, patch): (&String, &Value)| match patch.as_object().filter(|_| speaks(patch)) {
            Some(own) => (id.clone(), Value::Object(shown_in(own, said, &series))),
            None => (id.clone(), patch.clone()),
        };
        shown.set_overrides(all.iter().map(occurrence).collect());
    }
    shown
}

/// The same of an override.
fn shown_in(patch: &Map<String, Value>, series: (&str, bool), of_series: &[Option<Value>; 2]) -> Map<String, Value> {
    let mut shown = patch.clone();
    for ((name, value), inherited) in NAMES.into_iter().zip(members(said(patch, series))).zip(of_series) {
        if value == *inherited {
            shown.remove(name);
        } else {
            shown.insert(name.to_owned(), value.unwrap_or_default());
        }
    }
    shown
}

/// The description in properties, and whether it is HTML; what they are silent about they have from elsewhere.
fn said<'a>(properties: &'a Map<String, Value>, inherited: (&'a str, bool)) -> (&'a str, bool) {
    let [text, kind] = NAMES.map(|name| properties.get(name).map(|value| value.as_str().unwrap_or_default()));
    (text.unwrap_or(inherited.0), kind.map_or(inherited.1, is_html))
}

/// The properties of what Outlook shows of a description.
fn members((description, html): (&str, bool)) -> [Option<Value>; 2] {
    let (text, html) = form(description, html);
    [Some(text).filter(|text| !text.is_empty()).map(Value::from), html.then(|| "text/html".into())]
}

/// Whether a content type is that of HTML.
pub(super) fn is_html(content_type: &str) -> bool {
    content_type.starts_with("text/html")
}

/// The form of a description, and whether it still is HTML then. Its edges have no white space, nor have those of lines;
/// runs of blanks are one.
fn form(description: &str, html: bool) -> (String, bool) {
    if !html {
        return (folded(description), false);
    }
    let own = inner(description);
    match plain(own) {
        Some(text) => (folded(&text), false),
        // There it is as it was written.
        None if own.to_ascii_lowercase().contains("<pre") => (lines(own), true),
        None => (words(own, |c| c.is_ascii_whitespace()).trim().to_owned(), true),
    }
}

fn folded(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| words(line, |c| c.is_ascii_whitespace() || c == '\u{a0}')).collect();
    lines.join("\n").trim().to_owned()
}

fn words(text: &str, is_blank: impl Fn(char) -> bool) -> String {
    text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>\n")
}

/// What is between the body's tags, or all of it.
fn inner(html: &str) -> &str {
    // ASCII only, so that positions stay those of `html`.
    let lower = html.to_ascii_lowercase();
    let begin = lower.find("<body").and_then(|at| Some(at + lower.get(at..)?.find('>')? + 1)).unwrap_or(0);
    let end = lower.rfind("</body").filter(|end| *end >= begin).unwrap_or(html.len());
    html.get(begin..end).unwrap_or(html)
}

/// Where the block of the online meeting begins: at the tag that its first sign stands in or right behind.
fn meeting(html: &str) -> usize {
    let sign = MEETING.iter().filter_map(|sign| html.find(sign)).min();
    sign.and_then(|sign| html.get(..sign)?.rfind('<')).unwrap_or(html.len())
}

/// The text of HTML without formatting; none when there is some.
fn plain(html: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = html;
    loop {
        let (text, tail) = rest.split_once('<').unwrap_or((rest, ""));
        push_text(&mut out, &unescaped(text));
        if tail.is_empty() {
            break;
        }
        let (tag, tail) = tail.split_once('>')?;
        let name = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next()?;
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "br" => end_line(&mut out),
            block if BLOCKS.contains(&block) && !out.is_empty() && !out.ends_with('\n') => end_line(&mut out),
            "style" if !tag.starts_with('/') => {
                rest = tail.split_once("</style>").map_or("", |(_, tail)| tail);
                continue;
            }
            known if PLAIN.contains(&known) || known == "style" || known.starts_with("!--") => {}
            _ => return None,
        }
        rest = tail;
    }
    Some(out.replace('\u{a0}', " ").trim().to_owned())
}

fn end_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// Text between tags: runs of white space are one space, none at the beginning of a line.
fn push_text(out: &mut String, text: &str) {
    for letter in text.chars() {
        if letter.is_ascii_whitespace() {
            if !out.is_empty() && !out.ends_with([' ', '\n']) {
                out.push(' ');
            }
        } else {
            out.push(letter);
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        match entity.and_then(|(name, tail)| Some((letter(name)?, tail))) {
            Some((letter, tail)) => {
                out.push(letter);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out + rest
}

fn letter(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(content: &str) -> wire::Body {
        wire::Body { content_type: "html".into(), content: Some(content.into()) }
    }

    #[test]
    fn a_body_without_formatting_is_text_and_any_other_stays() {
        let cases = [
            ("", "", false),
            ("<html><head></head><body>\r\nhello\r\n</body></html>", "hello", false),
            ("<div>a</div><div><br></div><div>b &amp; c</div>", "a\n\nb & c", false),
            ("<div class=\"PlainText\">a<br>\r\n<br>\r\nb&nbsp;&lt;c&gt;</div>", "a\n\nb <c>", false),
            ("<p>5 &amp;lt; 6 &amp; more</p>", "5 &lt; 6 & more", false),
            ("<p>an <b>important</b> thing</p>", "<p>an <b>important</b> thing</p>", true),
        ];
        for (content, text, is_html) in cases {
            let found = read(&html(content), false);
            assert_eq!((found.text.as_str(), found.html, found.blob.as_str()), (text, is_html, ""), "{content}");
        }
    }

    /// What servers may make of a text: they keep blanks or fold them.
    fn served(text: &str) -> [String; 3] {
        let html = |text: String| format!("<html><body>\r\n<div>{text}</div>\r\n</body></html>");
        let escaped = text.replace("\r\n", "\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let folded = |text: &str| text.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let lines = |line: fn(&str) -> String| escaped.split('\n').map(line).collect::<Vec<_>>().join("<br>\r\n");
        [
            html(lines(|line| line.replace('\t', "&nbsp;&nbsp; ").replace(' ', "&nbsp;"))),
            html(lines(|line| line.replace("  ", "&nbsp; "))),
            html(escaped.split('\n').map(folded).collect::<Vec<_>>().join("<br>\r\n")),
        ]
    }

    #[test]
    fn what_comes_back_of_a_text_is_no_difference() {
        let texts = [
            "",
            "a",
            "a  b",
            " a",
            "a ",
            "a\n",
            "\n\na",
            "a\tb",
            "a \n  b",
            "a\r\nb",
            "a\n\n\nb",
            "\u{a0}a\u{a0}\u{a0}b",
            " ",
            "\u{3000}a",
            "<b>a</b>  &nbsp; &amp;",
        ];
        for text in texts {
            for content in served(text) {
                let back = read(&html(&content), false);
                assert_eq!(form(&back.text, back.html), form(text, false), "{text:?} as {content:?}");
            }
            let (once, _) = form(text, false);
            assert_eq!(form(&once, false).0, once, "{text:?}");
        }
        for (one, other) in [("a b", "ab"), ("a\nb", "a b"), ("a\nb", "a\n\nb"), ("a", "A"), ("a", ""), ("-", "--")] {
            assert_ne!(form(one, false), form(other, false), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn what_comes_back_of_html_is_no_difference() {
        for (written, other, is_html) in [
            ("<p>a</p><p>b</p>", "a\nb", false),
            ("<p>a  \r\n b</p>", "a b", false),
            ("<p>1 &lt; 2</p>", "1 < 2", false),
            ("<p></p>", "", false),
            (" <p>a  <b>b</b></p>\r\n", "<p>a\r\n<b>b</b></p>", true),
        ] {
            assert_eq!(form(written, true), form(other, is_html), "{written}");
            let back = read(&html(&format!("<html><body>\r\n{}\r\n</body></html>", written.trim())), false);
            assert_eq!(form(&back.text, back.html), form(written, true), "{written}");
        }
        for (one, other) in [
            ("<p>a <b>b</b></p>", "<p>a<b>b</b></p>"),
            ("<p>a</p>", "<p>b</p>"),
            ("<pre>a  b</pre>", "<pre>a b</pre>"),
            ("<p><b>a</b></p>", "<p><i>a</i></p>"),
        ] {
            assert_ne!(form(one, true), form(other, true), "{one}");
        }
        assert_ne!(form("<p>a</p>", true), form("<p>a</p>", false));
    }

    #[test]
    fn documents_shown_alike_have_one_form() {
        let document = |value: serde_json::Value| Document::parse(&value.to_string()).unwrap_or_default();
        let here = document(serde_json::json!({
            "title": " t  t", "description": "<p>a  b</p>", "descriptionContentType": "text/html",
            "recurrenceOverrides": {
                "2026-03-03T09:00:00": {"description": "<p>c\n</p>", "title": "x"},
                "2026-03-04T09:00:00": {"description": "d  <", "descriptionContentType": null},
                "2026-03-05T09:00:00": {"description": null},
                "2026-03-06T09:00:00": {"excluded": true},
                "2026-03-07T09:00:00": {"description": "<b>f</b>"},
            },
        }));
        let there = document(serde_json::json!({
            "title": " t  t", "description": "a b", "descriptionContentType": "text/plain",
            "recurrenceOverrides": {
                "2026-03-03T09:00:00": {"description": "c", "title": "x"},
                "2026-03-04T09:00:00": {"description": "d <"},
                "2026-03-05T09:00:00": {"description": null},
                "2026-03-06T09:00:00": {"excluded": true},
                "2026-03-07T09:00:00": {"description": "<b>f</b>", "descriptionContentType": "text/html"},
            },
        }));
        assert_eq!(shown(&here), shown(&there));
        let plain = document(serde_json::json!({"title": " t  t", "description": "a b"}));
        assert_eq!(shown(&plain), plain);
    }

    #[test]
    fn the_block_of_a_meeting_is_kept() {
        let block = "<div class=\"me-email-text\">____<br><a href=\"https://teams.invalid/1\">Join</a></div>";
        let first = read(&html(&format!("<html><body><p>Agenda</p>{block}</body></html>")), true);
        assert_eq!((first.text.as_str(), first.blob.as_str()), ("Agenda", block));
        let written = write("New agenda\n2 < 3", false, &first.blob);
        let again =
            read(&html(written.pointer("/content").and_then(|content| content.as_str()).unwrap_or_default()), true);
        assert_eq!((again.text.as_str(), again.blob.as_str()), ("New agenda\n2 < 3", block));
    }
}
