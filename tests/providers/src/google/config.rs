//! The switches of the simulated Google.
//! Invariant: each behaviour that the documentation leaves open is a switch here, with the likelier one as default.

/// How the simulated Google behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Seed of ids, shuffles, message numbers and fault probabilities.
    pub seed: u64,
    /// Quota units a user may spend in a sliding minute (PATCH costs 3); none for no limit. Google: 600.
    pub units_per_minute: Option<u32>,
    /// Whether the quota answers 429 (else 403 `rateLimitExceeded`).
    pub quota_is_429: bool,
    /// Bound of items in a page, below what `maxResults` asks for; none for Google's own 2500.
    pub page_limit: Option<usize>,
    /// Shuffles the rows of listings, so that an exception may come before its master.
    pub shuffle: Option<u64>,
    /// Sync tokens live that long, in milliseconds.
    pub sync_token_life_ms: i64,
    /// `updatedMin` may lie that far in the past, in milliseconds.
    pub updated_min_age_ms: i64,
    /// Whether webhooks may be plain http.
    pub allow_http_webhooks: bool,
    /// The longest a channel lives, in milliseconds.
    pub channel_life_ms: i64,
    /// How long after a change its push is sent, in milliseconds.
    pub push_delay_ms: u64,
    /// Tries of one push before it is given up.
    pub push_attempts: u32,
    /// Answers every deleted event with `id` and `status` only; else the organiser's own keep their details.
    pub bare_tombstones: bool,
    /// A write that changes nothing leaves the etag alone and pushes nothing.
    pub no_op_keeps_etag: bool,
    /// Deleting a series also lists its exceptions as cancelled.
    pub delete_cancels_exceptions: bool,
    /// Exceptions that no longer match a changed series are listed as cancelled; else they are gone without a row.
    pub orphans_are_listed: bool,
    /// Writing `status: confirmed` revives a deleted event; else 404.
    pub revive: bool,
    /// A write to a deleted event without a status is accepted (and it stays deleted); else 404.
    pub patch_deleted: bool,
    /// Importing a known iCalUID updates its event; else 409.
    pub reimport_updates: bool,
    /// Sync tokens refuse other parameters than those of the first listing with 400; else they are ignored.
    pub token_checks_parameters: bool,
    /// Client ids that the token endpoint knows, with their secrets.
    pub clients: Vec<(String, String)>,
    /// What access tokens live, in milliseconds.
    pub access_token_life_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            seed: 1,
            units_per_minute: None,
            quota_is_429: false,
            page_limit: None,
            shuffle: None,
            sync_token_life_ms: 28 * DAY_MS,
            updated_min_age_ms: 30 * DAY_MS,
            allow_http_webhooks: false,
            channel_life_ms: 7 * DAY_MS,
            push_delay_ms: 0,
            push_attempts: 6,
            bare_tombstones: false,
            no_op_keeps_etag: true,
            delete_cancels_exceptions: true,
            orphans_are_listed: true,
            revive: true,
            patch_deleted: true,
            reimport_updates: true,
            token_checks_parameters: true,
            clients: vec![("sim-client".to_owned(), "sim-secret".to_owned())],
            access_token_life_ms: 3_599_000,
        }
    }
}
