//! RFC 8984 `PatchObject` (1.4.9): changes to a document, keyed by path.
//!
//! A path is a JSON pointer without its leading slash. A change whose parent does not exist, or lies in an array, is
//! not valid and changes nothing; the others still apply. What is written anew has no such change; see `whole`.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The document with the changes of a patch: null removes, anything else sets.
pub fn apply_patch(document: &Value, patch: &Map<String, Value>) -> Value {
    let mut document = document.clone();
    patch_in_place(&mut document, patch);
    document
}

pub(super) fn patch_in_place(document: &mut Value, patch: &Map<String, Value>) {
    for (path, value) in patch {
        set(document, path, value);
    }
}

/// False: the change is not valid.
pub(super) fn set(document: &mut Value, path: &str, value: &Value) -> bool {
    let (parents, last) = match path.rsplit_once('/') {
        Some((parents, last)) => (Some(parents), last),
        None => (None, path),
    };
    let mut target = document;
    for step in parents.into_iter().flat_map(|p| p.split('/')) {
        match target.as_object_mut().and_then(|object| object.get_mut(unescape(step).as_ref())) {
            Some(inner) => target = inner,
            None => return false,
        }
    }
    let Some(object) = target.as_object_mut() else { return false };
    if value.is_null() {
        object.remove(unescape(last).as_ref());
    } else {
        object.insert(unescape(last).into_owned(), value.clone());
    }
    true
}

/// `~1` is a slash and `~0` a tilde (RFC 6901).
pub(super) fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') { Cow::Owned(step.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(step) }
}
