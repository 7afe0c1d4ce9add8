//! Notifications: a call that we did not sign never reaches the store, whatever else it says.

use arbtest::arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use tandem_engine::effects::{Channel, ProviderKind};
use tandem_engine::webhooks::{Answer, Notice, Verdict, receive, token};

use crate::harness::{Shown, fuzz};
use crate::mutate;
use crate::world::{GOOGLE, OUTLOOK, World};

/// Calls of the store that one notification may cost: one, for all its marks.
const STORE_CALLS: u64 = 1;

/// A world in step, with a channel at each provider.
pub fn world() -> World {
    let mut world = World::new(&[GOOGLE, OUTLOOK]);
    world.settle();
    world
}

fn channel(world: &World, replica: &str) -> Channel {
    world.memory.channels.values().find(|channel| channel.replica == replica).unwrap().clone()
}

fn signed(world: &World, replica: &str) -> (String, String) {
    let (channel, row) = (channel(world, replica), world.memory.replica(replica).unwrap());
    let token = token::sign(&world.settings.signing_key, &row, &channel.id, world.now() + 86_400_000);
    (channel.id, token)
}

/// What Google sends.
fn google(world: &World) -> Notice {
    let (channel, token) = signed(world, GOOGLE);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        pair("X-Goog-Channel-ID", &channel),
        pair("X-Goog-Channel-Token", &token),
        pair("X-Goog-Resource-State", "exists"),
        pair("X-Goog-Message-Number", "7"),
    ];
    Notice { provider: ProviderKind::Google, query: String::new(), headers, body: Vec::new() }
}

/// What Graph sends: items of which some are of another subscription.
fn microsoft(world: &World, items: usize) -> Notice {
    let (channel, token) = signed(world, OUTLOOK);
    let (claims, state) = token.rsplit_once(':').unwrap();
    let item = |n: usize| {
        let state = if n % 3 == 2 { "forged" } else { state };
        json!({"subscriptionId": "s", "clientState": state, "changeType": "updated", "resource": "Users/1/Events/2",
            "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "id": "2"}, "tenantId": "t"})
    };
    let body = json!({"value": (0..items).map(item).collect::<Vec<Value>>()});
    let claims = claims.replace(':', "%3A");
    Notice {
        provider: ProviderKind::Microsoft,
        query: format!("channel={channel}&claims={claims}"),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into_bytes(),
    }
}

fn damaged(source: &mut Unstructured<'_>, world: &World) -> Result<Notice> {
    let mut notice = match source.int_in_range(0..=2)? {
        0 => google(world),
        _ => {
            let items = source.int_in_range(0..=60)?;
            microsoft(world, items)
        }
    };
    for _ in 0..source.int_in_range(0..=3)? {
        match source.int_in_range(0..=5)? {
            0 => notice.body = mutate::body(source, &notice.body)?,
            1 => notice.query = lossy(mutate::bytes(source, notice.query.as_bytes())?),
            2 if !notice.headers.is_empty() => {
                let at = source.choose_index(notice.headers.len())?;
                notice.headers[at].1 = lossy(mutate::bytes(source, notice.headers[at].1.as_bytes())?);
            }
            3 if !notice.headers.is_empty() => {
                let at = source.choose_index(notice.headers.len())?;
                let header = notice.headers.remove(at);
                if source.ratio(1, 2)? {
                    notice.headers.extend([header.clone(), header]);
                }
            }
            4 => notice.query += &format!("&validationToken={}", mutate::text(source)?),
            _ => notice.body = source.bytes(source.len().min(600))?.to_vec(),
        }
    }
    Ok(notice)
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What holds for every notification.
pub fn check(world: &mut World, notice: &Notice) -> Answer {
    let before = (world.effects, world.memory.commits, wanted(world));
    let answer = receive(world, notice);
    let calls = world.effects - before.0;
    assert_eq!(world.memory.commits, before.1, "a webhook marks, it never writes");
    let genuine = matches!(answer.verdict, Verdict::Changed | Verdict::UnknownChannel | Verdict::Unavailable);
    assert_eq!(calls > 0, genuine, "{answer:?} after {calls} calls of the store");
    assert!(calls <= STORE_CALLS, "{calls} calls of the store");
    assert_eq!(wanted(world) > before.2, answer.verdict == Verdict::Changed, "{answer:?}");
    match answer.verdict {
        Verdict::Handshake if answer.content_type == "text/plain" => assert!(answer.body.len() <= 4_096),
        _ => assert!(answer.body.len() < 100 && answer.body.starts_with('{'), "{answer:?}"),
    }
    assert!([200, 202, 400, 403, 410].contains(&answer.status), "{answer:?}");
    answer
}

fn wanted(world: &World) -> u64 {
    world.memory.replicas.values().map(|replica| replica.wanted).sum()
}

#[test]
fn webhooks_of_any_shape() {
    let mut world = world();
    for notice in [google(&world), microsoft(&world, 5)] {
        assert_eq!(check(&mut world, &notice).verdict, Verdict::Changed, "the undamaged one is good");
    }
    fuzz("webhooks", 3_000, |source| {
        let notice = damaged(source, &world)?;
        let _shown = Shown(format!("{notice:?}"));
        check(&mut world, &notice);
        Ok(())
    });
}
