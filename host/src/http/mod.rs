//! The HTTP server: webhooks, health, and the JSON API (`docs/api.md`).
//!
//! Handlers are thin: they check, make one call to the store or the component, and put the answer into JSON. A
//! webhook marks and answers, it never syncs. No log line holds an id of an event, a title, an address or a token.

mod auth;
mod body;
mod calendars;
mod changes;
mod conflicts;
mod counters;
mod events;
mod explain;
mod failures;
mod health;
pub mod limits;
mod params;
mod problem;
mod replicas;
mod serve;
mod state;
mod trace;
mod webhooks;
mod wire;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

pub use counters::{Counters, Counts};
pub use problem::{Code, DocumentProblem, Problem};
pub use serve::serve;
pub use state::{Api, Calls};
pub use trace::REQUEST_ID;

/// All paths of the server. More can be merged in; the fallbacks for unknown paths and methods are set here.
pub fn router(api: Api) -> Router {
    let guarded = tenant_routes().route_layer(from_fn_with_state(api.guard.clone(), auth::require));
    Router::new()
        .route("/healthz", get(health::get))
        .route("/webhooks/{provider}", get(webhooks::receive).post(webhooks::receive))
        .merge(guarded)
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(api.clone(), trace::record))
        .layer(from_fn(no_store))
        .with_state(api)
}

fn tenant_routes() -> Router<Api> {
    Router::new()
        .route("/v1/tenants/{tenant}/calendars", get(calendars::list))
        .route("/v1/tenants/{tenant}/calendars/{calendar}/events", get(events::list).post(events::create))
        .route(
            "/v1/tenants/{tenant}/calendars/{calendar}/events/{uid}",
            get(events::get).patch(events::patch).put(events::replace).delete(events::delete),
        )
        .route("/v1/tenants/{tenant}/calendars/{calendar}/events/{uid}/explanation", get(explain::get))
        .route("/v1/tenants/{tenant}/calendars/{calendar}/occurrences", get(calendars::occurrences))
        .route("/v1/tenants/{tenant}/changes", get(changes::list))
        .route("/v1/tenants/{tenant}/conflicts", get(conflicts::list))
        .route("/v1/tenants/{tenant}/conflicts/{id}", get(conflicts::get))
        .route("/v1/tenants/{tenant}/conflicts/{id}/resolve", post(conflicts::resolve))
        .route("/v1/tenants/{tenant}/failures", get(failures::list))
        .route("/v1/tenants/{tenant}/failures/{id}", axum::routing::delete(failures::dismiss))
        .route("/v1/tenants/{tenant}/failures/{id}/replay", post(failures::replay))
        .route("/v1/tenants/{tenant}/replicas", get(replicas::list))
        .route("/v1/tenants/{tenant}/replicas/{id}", get(replicas::get).delete(replicas::remove))
        .route("/v1/tenants/{tenant}/replicas/{id}/sync", post(replicas::sync))
        .route("/v1/tenants/{tenant}/replicas/{id}/answer-guard", post(replicas::answer_guard))
}

async fn unknown_path() -> Problem {
    Problem::new(Code::NotFound, "the paths are listed in docs/api.md")
}

async fn unknown_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "the Allow header lists what the path knows")
}

/// Calendars are private: nothing between here and the caller may keep a copy.
async fn no_store(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    use axum::http::{HeaderValue, header};
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
