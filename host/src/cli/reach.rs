//! Where the server may send requests to, and within which bounds.
//!
//! Only the hosts of the URLs in the settings, and of those only the ones of providers that have an account: whoever
//! syncs with one provider has no way out to the other.

use crate::config::{Config, https_authority, plain_http_authority};
use crate::egress::EgressOptions;
use crate::store::Provider;

/// Bound on one outgoing exchange, in milliseconds: several fit into one call of the component.
const EXCHANGE_MS: u64 = 20_000;
/// Bound on the body of an answer, in bytes: a page of 2,500 long events is some 10 MB.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Requests at the same time on one account: Microsoft's bound for a mailbox, and polite elsewhere.
const PER_CONNECTION: usize = 4;

/// What the settings allow. `stored` are the providers of the accounts in the database: an account that is no longer
/// in the settings goes on.
pub(super) fn options(config: &Config, stored: &[Provider]) -> EgressOptions {
    let in_use = |provider| {
        stored.contains(&provider) || config.connections.iter().any(|connection| connection.provider == provider)
    };
    let (google, microsoft) = (&config.google, &config.microsoft);
    let urls: Vec<&str> = [
        (Provider::Google, [&google.base_url, &google.token_url]),
        (Provider::Microsoft, [&microsoft.base_url, &microsoft.token_url]),
    ]
    .into_iter()
    .filter(|(provider, _)| in_use(*provider))
    .flat_map(|(_, urls)| urls.map(String::as_str))
    .collect();
    EgressOptions {
        allow: urls.iter().filter_map(|url| https_authority(url)).collect(),
        allow_plain: urls.iter().filter_map(|url| plain_http_authority(url)).collect(),
        timeout_ms: EXCHANGE_MS,
        max_body: ANSWER_BYTES,
        per_connection: PER_CONNECTION,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::path::Path;

    use super::*;
    use crate::config::Environment;

    const GOOGLE: [&str; 2] = ["www.googleapis.com", "oauth2.googleapis.com"];
    const MICROSOFT: [&str; 2] = ["graph.microsoft.com", "login.microsoftonline.com"];

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("tandem.toml"), &Environment::new()).unwrap()
    }

    #[test]
    fn only_hosts_of_providers_with_an_account_may_be_reached() {
        let account = |provider: &str| {
            config(&format!(
                "[[connections]]\ntenant = \"t\"\nid = \"c\"\nprovider = \"{provider}\"\naccess_token = \"x\""
            ))
        };
        let both = [GOOGLE, MICROSOFT].concat();
        let cases: [(Config, &[Provider], &[&str]); 5] = [
            (config(""), &[], &[]),
            (account("google"), &[], &GOOGLE),
            (account("microsoft"), &[], &MICROSOFT),
            (account("microsoft"), &[Provider::Google], &both),
            (config(""), &[Provider::Microsoft], &MICROSOFT),
        ];
        for (config, stored, expected) in cases {
            let options = options(&config, stored);
            assert_eq!(
                (options.allow, options.allow_plain),
                (expected.iter().map(|host| (*host).into()).collect(), vec![])
            );
        }
    }

    #[test]
    fn plain_http_only_where_the_settings_say_it() {
        let config = config("[microsoft]\nbase_url = \"http://127.0.0.1:9000/v1.0\"");
        let options = options(&config, &[Provider::Microsoft]);
        assert_eq!(options.allow, ["login.microsoftonline.com"]);
        assert_eq!(options.allow_plain, ["127.0.0.1:9000"]);
    }
}
