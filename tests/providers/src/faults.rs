//! What goes wrong, when: a queue of planned faults and seeded probabilities.
//! Invariant: the same plan, seed and requests give the same faults.

use crate::http::SimRequest;
use crate::random::Random;

/// What happens to a request that a fault hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 429, with `Retry-After` in seconds if given.
    TooManyRequests {
        /// Seconds for the `Retry-After` header.
        retry_after_s: Option<u32>,
    },
    /// 403 `rateLimitExceeded` (Google only).
    RateLimited,
    /// 403 `userRateLimitExceeded` (Google only).
    UserRateLimited,
    /// 403 `quotaExceeded` (Google only).
    QuotaExceeded,
    /// A 5xx with that status, not applied.
    ServerError(u16),
    /// A 5xx with that status although the request was applied.
    ServerErrorAfterApplying(u16),
    /// The token of an incremental listing is lost: 410 `fullSyncRequired`, or what the provider says instead.
    FullSyncRequired,
    /// 401.
    Unauthorized,
    /// 412, although the condition holds or there is none.
    PreconditionFailed,
    /// The request was applied, and the answer's body ends in the middle.
    Truncated,
    /// No answer, and the request never arrived.
    LostRequest,
    /// No answer, although the request was applied.
    LostAnswer,
    /// A listing answers a page without items and with a page token. Does nothing to other requests.
    EmptyPage,
    /// An answer of the test's own making, not applied.
    Raw {
        /// Status code.
        status: u16,
        /// The body.
        body: String,
    },
}

/// A planned fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Upper-case method, or none for any.
    pub method: Option<String>,
    /// Path pattern without query; `*` stands for any text. None for any path.
    pub path: Option<String>,
    /// Matching requests to let through first.
    pub skip: u32,
    /// How many matching requests it hits; `u32::MAX` for ever.
    pub times: u32,
    /// How often it hits a matching request, in a thousand.
    pub permille: u32,
    /// Only requests without a token in their query: the beginning of a full listing.
    pub from_the_beginning: bool,
    /// What happens.
    pub kind: FaultKind,
}

impl Fault {
    /// The next request of any kind.
    #[must_use]
    pub fn next(kind: FaultKind) -> Self {
        Self { method: None, path: None, skip: 0, times: 1, permille: 1000, from_the_beginning: false, kind }
    }

    /// Only for that method.
    #[must_use]
    pub fn on_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only for paths like that (`*` stands for any text).
    #[must_use]
    pub fn on_path(mut self, pattern: &str) -> Self {
        self.path = Some(pattern.to_owned());
        self
    }

    /// Only for the first page of a listing that has no token to go on from.
    #[must_use]
    pub fn from_the_beginning(mut self) -> Self {
        self.from_the_beginning = true;
        self
    }

    /// That many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Lets that many matching requests through first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Hits that many matching requests in a thousand, for ever.
    #[must_use]
    pub fn randomly(mut self, permille: u32) -> Self {
        self.permille = permille;
        self.times = u32::MAX;
        self
    }
}

/// What happens to pushes, each as a probability in a thousand.
#[derive(Clone, Debug, Default)]
pub struct PushFaults {
    /// Never sent.
    pub lost_permille: u32,
    /// Sent twice.
    pub doubled_permille: u32,
    /// Sent after the next one of its channel (or a second later if there is none).
    pub reordered_permille: u32,
    /// Sent late by up to `late_ms`.
    pub late_permille: u32,
    /// Bound of the lateness, in milliseconds.
    pub late_ms: u64,
}

/// The fate of one push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFault {
    /// Never sent.
    Lost,
    /// Sent twice.
    Doubled,
    /// Sent after the next one of its channel.
    Reordered,
    /// Sent that many milliseconds late.
    Late(u64),
}

/// All faults of a provider.
#[derive(Debug)]
pub struct FaultPlan {
    planned: Vec<Fault>,
    /// Probabilities for pushes.
    pub pushes: PushFaults,
    next_pushes: std::collections::VecDeque<PushFault>,
    random: Random,
    hits: u64,
}

impl FaultPlan {
    /// No faults; probabilities will follow `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            planned: Vec::new(),
            pushes: PushFaults::default(),
            next_pushes: std::collections::VecDeque::new(),
            random: Random::new(seed ^ 0xfa17),
            hits: 0,
        }
    }

    /// Adds a fault behind the ones already planned.
    pub fn add(&mut self, fault: Fault) {
        self.planned.push(fault);
    }

    /// Decides the next push's fate.
    pub fn add_push(&mut self, fault: PushFault) {
        self.next_pushes.push_back(fault);
    }

    /// Forgets all faults, planned and random.
    pub fn clear(&mut self) {
        self.planned.clear();
        self.next_pushes.clear();
        self.pushes = PushFaults::default();
    }

    /// Faults that hit so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// The fault for this request, if one hits. `is_listing` says whether empty pages make sense.
    pub fn strike(&mut self, request: &SimRequest, is_listing: bool) -> Option<FaultKind> {
        let (method, path) = (request.method.as_str(), request.path());
        let goes_on = request.query().iter().any(|(name, _)| name.to_ascii_lowercase().ends_with("token"));
        let random = &mut self.random;
        let mut struck = None;
        for fault in &mut self.planned {
            let applies = fault.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && fault.path.as_deref().is_none_or(|pattern| like(pattern, path))
                && (is_listing || fault.kind != FaultKind::EmptyPage)
                && !(fault.from_the_beginning && goes_on);
            if !applies {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if fault.times == 0 || !random.chance(fault.permille) {
                continue;
            }
            if fault.times != u32::MAX {
                fault.times -= 1;
            }
            struck = Some(fault.kind.clone());
            break;
        }
        self.planned.retain(|fault| fault.times > 0);
        self.hits += u64::from(struck.is_some());
        struck
    }

    /// The fate of the next push, if it is not simply sent.
    pub fn strike_push(&mut self) -> Option<PushFault> {
        if let Some(fault) = self.next_pushes.pop_front() {
            return Some(fault);
        }
        let rates = &self.pushes;
        let random = &mut self.random;
        if random.chance(rates.lost_permille) {
            Some(PushFault::Lost)
        } else if random.chance(rates.doubled_permille) {
            Some(PushFault::Doubled)
        } else if random.chance(rates.reordered_permille) {
            Some(PushFault::Reordered)
        } else if random.chance(rates.late_permille) {
            Some(PushFault::Late(random.below(rates.late_ms + 1)))
        } else {
            None
        }
    }
}

/// Whether `text` is like `pattern`, where `*` stands for any text, also with slashes.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => match text.strip_prefix(before) {
            None => false,
            Some(rest) => {
                after.is_empty() || (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|tail| like(after, tail)))
            }
        },
    }
}
