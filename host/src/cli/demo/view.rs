//! The page's HTML. Every text that comes from outside goes through [`escape`].

use chrono::DateTime;

use super::change::Arrival;
use super::entry::{Entry, Key, Row};
use super::side::Side;
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

/// The rows. `before` is what was shown last of an event, `took` how long its last edit took.
pub(super) fn table<'a>(
    rows: &[Row],
    before: &dyn Fn(&Key) -> Option<&'a Row>,
    took: &dyn Fn(&Key) -> Option<Arrival>,
) -> String {
    let mut html = String::from(
        "<table><caption class=\"sr\">Events of the week on all sides</caption><thead><tr>\
         <th scope=\"col\"><span class=\"sr\">Choose</span></th>",
    );
    for side in Side::ALL {
        html.push_str(&format!("<th scope=\"col\">{}</th>", heading(side)));
    }
    html.push_str("</tr></thead><tbody>");
    for (index, row) in rows.iter().enumerate() {
        let (before, took) = (before(&row.key), took(&row.key));
        let class = match took {
            _ if !row.is_equal() => "differs",
            Some(_) => "",
            // A narrow page shows these once.
            None => "same",
        };
        let name = Side::ALL.into_iter().find_map(|side| row.entry(side)).map_or("", |entry| entry.title.as_str());
        let checked = if index == 0 { " checked" } else { "" };
        html.push_str(&format!(
            "<tr class=\"{class}\"><td><input type=\"radio\" name=\"row\" id=\"row{index}\" value=\"{}\" aria-label=\"{}\"{checked}></td>",
            escape(&row_value(&row.key)),
            escape(name),
        ));
        for side in Side::ALL {
            // What this side has just been given.
            let arrived = before.is_some_and(|before| before.entry(side) != row.entry(side));
            let class = if arrived { " class=\"arrived\"" } else { "" };
            html.push_str(&format!(
                "<td{class} data-side=\"{}\"><label for=\"row{index}\">{}</label></td>",
                heading(side),
                cell(row, side, took)
            ));
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table>"
}

fn heading(side: Side) -> &'static str {
    match side {
        Side::Google => "Google",
        Side::Application => "Your application",
        Side::Outlook => "Outlook",
    }
}

fn cell(row: &Row, side: Side, took: Option<Arrival>) -> String {
    let took = took.and_then(|took| took.times.into_iter().find(|(on, _)| *on == side));
    let took = took.map(|(_, took)| format!(" <span class=\"took\">after {} ms</span>", took.as_millis()));
    let took = took.unwrap_or_default();
    let Some(entry) = row.entry(side) else { return format!("<span class=\"none\">not there</span>{took}") };
    let others = side.others().map(|other| row.entry(other));
    let marked = |html: String, same: bool| if same { html } else { format!("<mark>{html}</mark>") };
    let same = |read: fn(&Entry) -> (i64, i64, &str)| {
        others.iter().all(|other| other.is_some_and(|other| read(other) == read(entry)))
    };
    let when = marked(when(entry), same(|entry| (entry.start_ms, entry.end_ms, "")));
    let title = marked(escape(&entry.title), same(|entry| (0, 0, &entry.title)));
    let place = marked(escape(&entry.place), same(|entry| (0, 0, &entry.place)));
    let badge = if row.key.occurrence.is_empty() { "" } else { " <span class=\"badge\">series</span>" };
    format!(
        "<span class=\"when\">{when}</span> <span class=\"title\">{title}</span>{badge} <span class=\"place\">{place}</span>{took}"
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
    use std::time::Duration;

    use super::super::entry::Seen;
    use super::super::side::Sides;
    use super::*;

    fn row(google: &str, application: &str, outlook: &str) -> Row {
        let key = Key { uid: "a \"b\"".into(), occurrence: String::new() };
        let seen = |title: &str| {
            let entry =
                Entry { start_ms: 0, end_ms: 60_000, title: title.into(), place: String::new(), all_day: false };
            Some(Seen { key: key.clone(), entry, id: "id".into(), body: serde_json::Value::Null })
        };
        let seen = Sides { google: seen(google), application: seen(application), outlook: seen(outlook) };
        Row { key: key.clone(), seen }
    }

    fn plain(row: Row) -> String {
        table(&[row], &|_| None, &|_| None)
    }

    #[test]
    fn titles_cannot_become_markup() {
        let html = plain(row("<script>alert('x')</script> & more", "{{log}}", "<img>"));
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more"), "{html}");
        assert!(html.contains("value=\"a%20%22b%22 \""), "{html}");
        assert!(page("", &html, "SECRET", "").matches("SECRET").count() == 1, "a title is not filled in");
        assert!(line(0, "<b>", false).contains("&lt;b&gt;"));
    }

    #[test]
    fn only_what_differs_is_marked() {
        let html = plain(row("one", "two", "two"));
        assert!(html.contains("class=\"differs\"") && html.contains("<mark>one</mark>"), "{html}");
        assert_eq!(html.matches("<mark>two</mark>").count(), 2, "{html}");
        assert_eq!(html.matches("<mark>").count(), 3, "the times are the same: {html}");
        assert!(!plain(row("one", "one", "one")).contains("<mark>"));
    }

    #[test]
    fn what_arrived_is_highlighted_on_its_side_with_its_time() {
        let (before, after) = (row("new", "new", "old"), row("new", "new", "new"));
        let times = [(Side::Application, Duration::from_millis(30)), (Side::Outlook, Duration::from_millis(70))];
        let html = table(&[after], &|_| Some(&before), &|_| Some(Arrival { times }));
        assert_eq!(html.matches("class=\"arrived\"").count(), 1, "{html}");
        assert!(html.contains("<td class=\"arrived\" data-side=\"Outlook\">"), "{html}");
        assert!(html.contains("after 30 ms") && html.contains("after 70 ms"), "{html}");
    }
}
