//! The page's HTML. Every text that comes from outside goes through [`escape`].

use chrono::DateTime;

use super::entry::{Entry, Key, Pair};
use super::world::SAFETY_POLL_S;

/// The style sheet.
pub(super) const CSS: &str = include_str!("page.css");
/// The script.
pub(super) const SCRIPT: &str = include_str!("page.js");
const PAGE: &str = include_str!("page.html");

/// A text inside HTML, also inside a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The whole page.
pub(super) fn page(status: &str, table: &str, log: &str, api: &str) -> String {
    let poll = SAFETY_POLL_S.to_string();
    let api = escape(api);
    let parts = [("status", status), ("table", table), ("log", log), ("api", &api), ("poll", &poll)];
    let mut html = String::with_capacity(PAGE.len() + table.len() + log.len());
    // One pass, so that a title that looks like a place to fill in stays a title.
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        html.push_str(before);
        html.push_str(parts.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text));
        rest = after;
    }
    html + rest
}

/// A row's name in the form.
pub(super) fn row_value(key: &Key) -> String {
    format!("{} {}", tandem_providers::http::encode(&key.uid), key.occurrence)
}

/// The rows, and which of them have just become equal.
pub(super) fn table(rows: &[Pair], arrived: &[Key]) -> String {
    let mut html = String::from(
        "<table><caption class=\"sr\">Events of the week on both sides</caption><thead><tr>\
         <th scope=\"col\"><span class=\"sr\">Choose</span></th><th scope=\"col\">Google</th>\
         <th scope=\"col\">Your application</th></tr></thead><tbody>",
    );
    for (index, pair) in rows.iter().enumerate() {
        let class = if !pair.is_equal() {
            "differs"
        } else if arrived.contains(&pair.key) {
            "arrived"
        } else {
            ""
        };
        let (google, application) = (pair.google.as_ref(), pair.application.as_ref());
        let entries = (google.map(|seen| &seen.entry), application.map(|seen| &seen.entry));
        let name = entries.0.or(entries.1).map_or("", |entry| entry.title.as_str());
        let checked = if index == 0 { " checked" } else { "" };
        html.push_str(&format!(
            "<tr class=\"{class}\"><td><input type=\"radio\" name=\"row\" id=\"row{index}\" value=\"{}\" aria-label=\"{}\"{checked}></td>",
            escape(&row_value(&pair.key)),
            escape(name),
        ));
        let series = !pair.key.occurrence.is_empty();
        for (one, other) in [(entries.0, entries.1), (entries.1, entries.0)] {
            html.push_str(&format!("<td><label for=\"row{index}\">{}</label></td>", cell(one, other, series)));
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table>"
}

fn cell(entry: Option<&Entry>, other: Option<&Entry>, series: bool) -> String {
    let Some(entry) = entry else { return "<span class=\"none\">not there</span>".to_owned() };
    let marked = |html: String, same: bool| if same { html } else { format!("<mark>{html}</mark>") };
    let same = |read: fn(&Entry) -> (i64, i64, &str)| other.is_some_and(|other| read(other) == read(entry));
    let when = marked(when(entry), same(|entry| (entry.start_ms, entry.end_ms, "")));
    let title = marked(escape(&entry.title), same(|entry| (0, 0, &entry.title)));
    let place = marked(escape(&entry.place), same(|entry| (0, 0, &entry.place)));
    let badge = if series { " <span class=\"badge\">series</span>" } else { "" };
    format!(
        "<span class=\"when\">{when}</span> <span class=\"title\">{title}</span>{badge} <span class=\"place\">{place}</span>"
    )
}

fn when(entry: &Entry) -> String {
    let text =
        |ms: i64, format: &str| DateTime::from_timestamp_millis(ms).unwrap_or_default().format(format).to_string();
    let (start, end) = (entry.start_ms, entry.end_ms);
    if entry.all_day {
        return format!("<time data-ms=\"{start}\" data-day=\"1\">{} all day</time>", text(start, "%a %-d %b"));
    }
    let from = text(start, "%a %-d %b %H:%M");
    format!("<time data-ms=\"{start}\" data-end=\"{end}\">{from}–{} UTC</time>", text(end, "%H:%M"))
}

/// A line of the log.
pub(super) fn line(at_ms: i64, text: &str, good: bool) -> String {
    let clock = DateTime::from_timestamp_millis(at_ms).unwrap_or_default().format("%H:%M:%S UTC");
    let class = if good { "" } else { " class=\"bad\"" };
    format!("<li{class}><time data-ms=\"{at_ms}\">{clock}</time><span>{}</span></li>", escape(text))
}

/// Names and figures; the flag says whether all is well, if that is a question.
pub(super) fn status(rows: &[(&str, String, Option<bool>)]) -> String {
    let row = |(name, figure, good): &(&str, String, Option<bool>)| {
        let class = match good {
            Some(true) => " class=\"good\"",
            Some(false) => " class=\"bad\"",
            None => "",
        };
        format!("<div><dt>{}</dt><dd{class}>{}</dd></div>", escape(name), escape(figure))
    };
    format!("<dl>{}</dl>", rows.iter().map(row).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::entry::Seen;
    use super::*;

    fn pair(google: &str, application: &str) -> Pair {
        let key = Key { uid: "a \"b\"".into(), occurrence: String::new() };
        let seen = |title: &str| {
            let entry =
                Entry { start_ms: 0, end_ms: 60_000, title: title.into(), place: String::new(), all_day: false };
            Some(Seen { key: key.clone(), entry, id: "id".into(), body: serde_json::Value::Null })
        };
        Pair { key: key.clone(), google: seen(google), application: seen(application) }
    }

    #[test]
    fn titles_cannot_become_markup() {
        let html = table(&[pair("<script>alert('x')</script> & more", "{{log}}")], &[]);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more"), "{html}");
        assert!(html.contains("value=\"a%20%22b%22 \""), "{html}");
        assert!(page("", &html, "SECRET", "").matches("SECRET").count() == 1, "a title is not filled in");
        assert!(line(0, "<b>", false).contains("&lt;b&gt;"));
    }

    #[test]
    fn only_what_differs_is_marked() {
        let html = table(&[pair("one", "two")], &[]);
        assert!(
            html.contains("class=\"differs\"")
                && html.contains("<mark>one</mark>")
                && html.contains("<mark>two</mark>")
        );
        assert_eq!(html.matches("<mark>").count(), 2, "the times are the same: {html}");
        let html = table(&[pair("one", "one")], &[Key { uid: "a \"b\"".into(), occurrence: String::new() }]);
        assert!(html.contains("class=\"arrived\"") && !html.contains("<mark>"));
    }
}
