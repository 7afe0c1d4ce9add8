//! Bodies of events: what the service makes of HTML and text.
//! Invariant: rewriting is stable: what was rewritten once stays as it is.

const HEAD: &str = "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n\
                    </head>\r\n<body>\r\n";
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

/// HTML of a plain text.
pub(crate) fn of_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    document(&format!("<div class=\"PlainText\">{}</div>", escaped.replace("\r\n", "\n").replace('\n', "<br>\r\n")))
}

/// The plain text of an HTML body: tags fall away, breaks become lines.
pub(crate) fn to_text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = inner(html);
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(&before.replace(['\r', '\n'], ""));
        let Some((tag, behind)) = after.split_once('>') else { break };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default().to_ascii_lowercase();
        let closes = tag.starts_with('/');
        if name == "br" || (closes && matches!(name.as_str(), "p" | "div" | "li" | "tr")) {
            text.push_str("\r\n");
        }
        rest = behind;
    }
    if !rest.contains('<') {
        text.push_str(&rest.replace(['\r', '\n'], ""));
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&quot;", "\"");
    plain.replace("&amp;", "&").trim_end().to_owned()
}

/// The first 255 characters of the text, on one line.
pub(crate) fn preview(html: &str) -> String {
    to_text(html).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(255).collect()
}
