//! What each of Graph's answers means: `tests/cases/microsoft_errors.json`.

use serde_json::Value;
use tandem_engine::effects::{ProviderKind, Response};
use tandem_engine::provider::{self, Purpose, Verdict};

#[test]
fn every_answer_has_its_meaning() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../../tests/cases/microsoft_errors.json")).unwrap();
    let provider = provider::of(ProviderKind::Microsoft).unwrap();
    for case in &cases {
        let purpose = match case["purpose"].as_str().unwrap() {
            "list" => Purpose::List,
            "read" => Purpose::Read,
            "create" => Purpose::Create,
            "update" => Purpose::Update,
            "delete" => Purpose::Delete,
            "channel" => Purpose::Channel,
            other => panic!("{other}"),
        };
        let body = match case.get("body") {
            Some(body) => body.as_str().unwrap().to_owned(),
            None => serde_json::json!({"error": {"code": case["code"], "message": "m"}}).to_string(),
        };
        let retry_after =
            case.get("retryAfter").map(|value| ("retry-after".to_owned(), value.as_str().unwrap().into()));
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let response = Response { status, headers: retry_after.into_iter().collect(), body: body.into_bytes() };
        let found = match provider.classify(purpose, &response, 0) {
            Verdict::Retry { code, after_ms: Some(ms) } => format!("retry {code} {ms}"),
            Verdict::Retry { code, after_ms: None } => format!("retry {code}"),
            Verdict::Rejected { code, detail } => {
                assert!(!detail.is_empty());
                format!("rejected {code}")
            }
            other => format!("{other:?}"),
        };
        assert_eq!(case["verdict"], found, "{case}");
    }
    assert!(cases.len() >= 40, "{}", cases.len());
}
