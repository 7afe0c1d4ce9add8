//! Bodies: HTML as Outlook writes it, to a description and back.
//!
//! A body without formatting becomes plain text, any other stays HTML, so that an edit of the description does not
//! flatten it. The block that an online meeting keeps in its body is cut off, remembered, and sent back with every
//! change of the description: without it the meeting ends.

use super::wire;

/// Tags that say nothing but where lines end.
const PLAIN: [&str; 11] = ["html", "head", "meta", "title", "body", "div", "p", "br", "span", "font", "o:p"];
/// Tags that begin and end a line.
const BLOCKS: [&str; 2] = ["div", "p"];
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
pub(super) fn write(description: &str, html: bool, blob: &str) -> serde_json::Value {
    let (kind, content) = match (html, blob.is_empty()) {
        (false, true) => ("text", description.to_owned()),
        (true, true) => ("html", description.to_owned()),
        (true, false) => ("html", format!("{description}\n{blob}")),
        (false, false) => ("html", format!("<div>{}</div>\n{blob}", escaped(description))),
    };
    serde_json::json!({"contentType": kind, "content": content})
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
