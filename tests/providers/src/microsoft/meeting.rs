//! What makes an event a meeting: mails to attendees, and the online meeting with its link in the body.
//! Invariant: nothing a caller sends keeps mails from being sent; they are only counted here.

use serde_json::{Value, json};

use super::body::address;
use super::state::{Object, State, text};
use super::{html, ids};

/// Mails to others that a write causes. `times` says whether start, end or recurrence changed.
///
/// Only the organizer's writes mail. A change of attendees alone mails those that came or went.
pub(crate) fn mails(old: Option<&Object>, new: Option<&Object>, times: bool, account: &str) -> u64 {
    let own = |body: Option<&Object>| {
        body.and_then(|body| body.get("organizer")).is_some_and(|who| address(who).eq_ignore_ascii_case(account))
    };
    if !own(old) && !own(new) {
        return 0;
    }
    let others = |body: Option<&Object>| -> Vec<String> {
        let list = body.and_then(|body| body.get("attendees")).and_then(Value::as_array);
        let mails = list.into_iter().flatten().map(|who| address(who).to_ascii_lowercase());
        mails.filter(|mail| !mail.eq_ignore_ascii_case(account)).collect()
    };
    let (before, after) = (others(old), others(new));
    let gone = before.iter().filter(|mail| !after.contains(mail)).count();
    let came = after.iter().filter(|mail| !before.contains(mail)).count();
    let place = |body: Option<&Object>| body.and_then(|body| body.get("location")).cloned();
    let all = times || (old.is_some() && new.is_some() && place(old) != place(new));
    (if all { after.len() + gone } else { came + gone }) as u64
}

/// Makes or ends the online meeting that a write asks for; `written` are the members of that write.
pub(crate) fn settle(state: &State, body: &mut Object, core: &str, written: &Object) {
    let wanted = body.get("isOnlineMeeting") == Some(&json!(true));
    let link = body.get("onlineMeeting").and_then(|meeting| meeting.get("joinUrl")).and_then(Value::as_str);
    match (wanted, link.map(str::to_owned)) {
        (true, None) => begin(body, core),
        (true, Some(link)) => {
            let content = body.get("body").and_then(|body| body.get("content")).and_then(Value::as_str);
            let lost = written.contains_key("body") && !content.unwrap_or_default().contains(&link);
            if lost && state.config.lost_link_ends_meeting {
                end(body);
            }
        }
        (false, Some(_)) => end(body),
        (false, None) => {}
    }
}

fn begin(body: &mut Object, core: &str) {
    let link = format!("https://teams.microsoft.com/l/meetup-join/{}/0", ids::uuid(31, crate::random::mix(31, core)));
    let content = body.get("body").and_then(Value::as_object).map(|body| text(body, "content").to_owned());
    let whole = html::document(&content.unwrap_or_default());
    let blob = format!(
        "<div class=\"me-email-text\">________________________________<br>\r\n<a href=\"{link}\">Join the meeting now</a>\
         </div>\r\n</body>"
    );
    let content = whole.replacen("</body>", &blob, 1);
    body.insert("bodyPreview".to_owned(), json!(html::preview(&content)));
    body.insert("body".to_owned(), json!({ "contentType": "html", "content": content }));
    body.insert("onlineMeeting".to_owned(), json!({ "joinUrl": link }));
    body.insert("onlineMeetingProvider".to_owned(), json!("teamsForBusiness"));
}

fn end(body: &mut Object) {
    body.insert("isOnlineMeeting".to_owned(), json!(false));
    body.insert("onlineMeeting".to_owned(), Value::Null);
    body.insert("onlineMeetingProvider".to_owned(), json!("unknown"));
}
