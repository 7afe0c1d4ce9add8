//! Figures by hand: `cargo test --release -p tandem-host --test store -- --ignored --nocapture speed`.
//! They print and check nothing: the bars belong to the benchmarks.
#![allow(clippy::print_stdout, reason = "prints figures when asked for")]

use std::sync::Arc;
use std::time::Instant;

use tandem_host::bindings::tandem::calendar::storage::Change;
use tandem_host::store::Store;
use tandem_host::store::sqlite::SqliteStore;

use crate::*;

fn bulk(from: usize, count: usize) -> Vec<Change> {
    let mut changes = Vec::with_capacity(count * 2);
    for n in from..from + count {
        // Provider ids are random: scatter them.
        let name = format!("{:016x}@example.com", (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut row = event(&name, 1);
        row.start_ms = NOW - (n as u64 % 500_000) * HOUR;
        row.end_ms = row.start_ms + HOUR;
        row.document = format!("{{\"uid\":\"{name}\",\"description\":\"{}\"}}", "x".repeat(500));
        let mut agreed = shadow(&name, &name, 1);
        agreed.remote.clone_from(&row.document);
        changes.push(put_event(row));
        changes.push(put_shadow(agreed));
    }
    changes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed_of_bulk_and_delta() {
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file()).unwrap();
    furnish(&store).await;
    let mut stored = 0;
    for size in [50_000, 500_000] {
        let (start, from) = (Instant::now(), stored);
        while stored < size {
            write(&store, bulk(stored, 2_500)).await;
            stored += 2_500;
        }
        let rate = (size - from) as f64 / start.elapsed().as_secs_f64();
        println!("bulk up to {size}: {rate:.0} events/s");
        let start = Instant::now();
        for round in 0..10 {
            write(&store, bulk(round * 4_999, 100)).await;
        }
        println!("delta of 100 at {size}: {:?}", start.elapsed() / 10);
        let start = Instant::now();
        let found = store.events_between("a", "work", NOW - 40_000 * HOUR, NOW - 39_000 * HOUR, None, 9_999).await;
        println!("window of {} at {size}: {:?}", found.unwrap().len(), start.elapsed());
        let start = Instant::now();
        store.count_shadows("a", "r1", 1).await.unwrap();
        println!("count_shadows at {size}: {:?}", start.elapsed());
        let start = Instant::now();
        for _ in 0..1_000 {
            store.load_replica("a", "r1").await.unwrap();
        }
        println!("load_replica: {:?}", start.elapsed() / 1_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed_of_marks() {
    let directory = Directory::new();
    let store = Arc::new(SqliteStore::open(directory.file()).unwrap());
    furnish(&*store).await;
    for n in 0..1_000 {
        let (replica_id, channel_id) = (format!("m{n}"), format!("channel-{n:032}"));
        store.put_replica(replica("a", &replica_id)).await.unwrap();
        let mut channel = rows::channel(&channel_id, NOW);
        channel.replica = replica_id;
        write(&*store, vec![Change::PutChannel(channel)]).await;
    }
    for clients in [64_u64, 256, 1_024] {
        let start = Instant::now();
        let mut tasks = Vec::new();
        for client in 0..clients {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                let mut taken = Vec::new();
                for n in 0..200_000 / clients {
                    let which = (client * 31 + n * 7) % 1_000;
                    let mut mark = group::mark("a", &format!("channel-{which:032}"), client * 1_000_000 + n);
                    mark.replica = format!("m{which}");
                    let start = Instant::now();
                    store.accept(vec![mark], NOW + n).await.unwrap();
                    taken.push(start.elapsed());
                }
                taken
            }));
        }
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(task.await.unwrap());
        }
        let rate = taken.len() as f64 / start.elapsed().as_secs_f64();
        taken.sort();
        println!(
            "{clients} clients: {rate:.0} acks/s, p50 {:?}, p99 {:?}",
            taken[taken.len() / 2],
            taken[taken.len() * 99 / 100]
        );
    }
}
