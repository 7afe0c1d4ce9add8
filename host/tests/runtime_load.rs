//! Loading a component: what is refused, and the cache of compiled ones.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::{PROBE, SCRATCH, World, run};

fn refusal(component: Vec<u8>) -> String {
    World { component, ..World::default() }.runtime().unwrap_err().to_string()
}

/// A directory that does not exist yet.
fn fresh_dir(name: &str) -> PathBuf {
    let dir = Path::new(SCRATCH).join(name);
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|dir| dir.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

/// The probe with every `from` replaced by `to` of the same length.
fn patched(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = PROBE.clone();
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0);
    bytes
}

async fn answer(component: Vec<u8>, cache_dir: &Path) -> String {
    let runtime = World { component, cache_dir: Some(cache_dir.to_owned()), ..World::default() }.runtime().unwrap();
    run(&runtime, "something else").await.unwrap()
}

#[test]
fn what_is_no_component_is_refused() {
    assert_eq!(
        refusal(b"<html>".to_vec()),
        "the component file is not WebAssembly; build it for the wasm32-wasip2 target"
    );
    assert!(refusal(b"\0asm\x01\0\0\0".to_vec()).starts_with("the component file is a core module, not a component"));
    assert!(refusal(b"\0asm\x0d\0\x01\0garbage".to_vec()).starts_with("the component cannot be compiled"));
    assert_eq!(
        refusal(b"\0asm\x0d\0\x01\0".to_vec()),
        "the component does not speak tandem:calendar; is it a sync component?"
    );
}

#[test]
fn another_version_is_refused_by_name() {
    let mut component = PROBE.clone();
    for interface in
        ["types", "storage", "notifications", "credentials", "configuration", "webhooks", "sync", "editing"]
            .into_iter()
            .chain(["recurrence", "conflicts", "channels"])
    {
        let (from, to) = (format!("calendar/{interface}@0.1.0"), format!("calendar/{interface}@0.2.0"));
        for at in 0..component.len() - from.len() {
            if component[at..].starts_with(from.as_bytes()) {
                component[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
        }
    }
    let refusal = refusal(component);
    assert!(refusal.starts_with("the component speaks tandem:calendar@0.2.0, this host 0.1.0"), "{refusal}");
}

#[tokio::test]
async fn the_second_start_uses_the_cache() {
    let dir = fresh_dir("reuse");
    assert_eq!(answer(PROBE.clone(), &dir).await, "unknown command");
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    let kept = files(&dir);
    assert_eq!(kept.len(), 1, "{kept:?}");
    // Another component's image under this one's name: it only shows when the file is what runs.
    let other = fresh_dir("reuse-other");
    answer(patched(b"unknown command", b"another program"), &other).await;
    fs::copy(&files(&other)[0], &kept[0]).unwrap();
    assert_eq!(answer(PROBE.clone(), &dir).await, "another program");
}

#[tokio::test]
async fn a_damaged_file_is_compiled_again() {
    let dir = fresh_dir("damaged");
    answer(PROBE.clone(), &dir).await;
    let file = files(&dir).remove(0);
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for bad in [flipped, good[..good.len() / 2].to_vec(), Vec::new()] {
        fs::write(&file, &bad).unwrap();
        assert_eq!(answer(PROBE.clone(), &dir).await, "unknown command");
        assert_ne!(fs::read(&file).unwrap(), bad, "the damaged file stays");
        assert_eq!(files(&dir).len(), 1, "something was left behind");
    }
}

#[tokio::test]
async fn a_directory_that_others_may_write_to_is_not_used() {
    let dir = fresh_dir("shared");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(answer(PROBE.clone(), &dir).await, "unknown command");
    assert!(files(&dir).is_empty());
}
