//! Bodies of events: what the service makes of HTML and text.
//! Invariant: rewriting is stable: what was rewritten once stays as it is.

const HEAD: &str = "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n\
                    </head>\r\n<body>\r\n";
const NBSP: &str = "&nbsp;";
const TAIL: &str = "\r\n</body>\r\n</html>\r\n";

/// A whole document of an HTML body.
pub(crate) fn document(html: &str) -> String {
    if html.starts_with(HEAD) && html.ends_with(TAIL) {
        return html.to_owned();
    }
    format!("{HEAD}{}{TAIL}", inner(html).trim())
}

/// What is between the body's tags, or all of it.
fn inner(html: &str) -> &str {
    // ASCII only, so that positions stay those of `html`.
    let lower = html.to_ascii_lowercase();
    let begin = lower.find("<body").and_then(|at| lower.get(at..)?.find('>').map(|end| at + end + 1)).unwrap_or(0);
    let end = lower.rfind("</body>").unwrap_or(html.len());
    html.get(begin..end).unwrap_or(html)
}

/// HTML of a plain text. Runs of blanks stay as no-break spaces, a tab as four, or are folded.
pub(crate) fn of_text(text: &str, keeps_blanks: bool) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace("\r\n", "\n");
    let of = |run: usize, inside: bool| match keeps_blanks && (run > 1 || !inside) {
        true => NBSP.repeat(run),
        false => " ".to_owned(),
    };
    let lines: Vec<String> = escaped.split('\n').map(|line| spaced(line, of)).collect();
    document(&format!("<div class=\"PlainText\">{}</div>", lines.join("<br>\r\n")))
}

/// HTML with its runs of blanks folded.
pub(crate) fn folded(html: &str) -> String {
    spaced(html, |_, _| " ".into())
}

/// A text with other runs of blanks, given how wide each is and whether there is something on both its sides.
fn spaced(text: &str, of: impl Fn(usize, bool) -> String) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find([' ', '\t']) {
        let (before, run) = rest.split_at(at);
        rest = run.trim_start_matches([' ', '\t']);
        let run = run.strip_suffix(rest).unwrap_or_default();
        let width = run.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
        out.push_str(before);
        out.push_str(&of(width, !out.is_empty() && !rest.is_empty()));
    }
    out + rest
}

/// The plain text of an HTML body: tags fall away, breaks become lines. As on a page, white space is one blank, and none where
/// a line begins or ends.
pub(crate) fn to_text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = inner(html);
    loop {
        let (before, after) = rest.split_once('<').map_or((rest, None), |(before, after)| (before, Some(after)));
        for letter in before.chars() {
            match letter.is_ascii_whitespace() {
                true if text.is_empty() || text.ends_with([' ', '\n']) => {}
                true => text.push(' '),
                false => text.push(letter),
            }
        }
        let Some((tag, behind)) = after.and_then(|after| after.split_once('>')) else { break };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default().to_ascii_lowercase();
        let closes = tag.starts_with('/');
        if name == "br" || (closes && matches!(name.as_str(), "p" | "div" | "li" | "tr")) {
            text.truncate(text.trim_end_matches(' ').len());
            text.push_str("\r\n");
        }
        rest = behind;
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace(NBSP, " ").replace('\u{a0}', " ").replace("&amp;", "&").trim_end().to_owned()
}

/// The first 255 characters of the text, on one line.
pub(crate) fn preview(html: &str) -> String {
    to_text(html).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(255).collect()
}
