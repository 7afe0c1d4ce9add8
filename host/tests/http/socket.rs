//! The server on a real socket: addresses of callers, and the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tandem_host::http::{router, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::world::{TOKEN, World};

async fn start(world: &World, grace: Duration) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, closed) = (router(world.api.clone()), world.api.closed());
    (address, tokio::spawn(serve(listener, router, closed, grace)))
}

async fn send(stream: &mut TcpStream, path: &str) {
    let text = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset instead of an end counts as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn local_callers_are_known_by_their_socket() {
    let world = World::with_token(None);
    let (address, server) = start(&world, Duration::from_secs(5)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    send(&mut stream, "/v1/tenants/acme/calendars").await;
    let mut first = [0; 15];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    world.api.close();
    server.await.unwrap();
}

#[tokio::test]
async fn close_lets_waiting_requests_end_and_accepts_no_more() {
    let world = World::new();
    let (address, server) = start(&world, Duration::from_secs(30)).await;
    let mut waiting = TcpStream::connect(address).await.unwrap();
    let idle = TcpStream::connect(address).await.unwrap();
    send(&mut waiting, "/v1/tenants/acme/changes?wait=50").await;
    // A request on a third connection proves that the server has got so far.
    let mut probe = TcpStream::connect(address).await.unwrap();
    send(&mut probe, "/healthz").await;
    probe.read_exact(&mut [0; 15]).await.unwrap();
    world.api.close();
    let answer = read_to_end(waiting).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\"more\":false}"), "{answer}");
    assert_eq!(read_to_end(idle).await, "");
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn requests_that_do_not_end_are_cut_off() {
    let world = Arc::new(World::new());
    let (address, server) = start(&world, Duration::from_millis(50)).await;
    let mut stuck = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /v1/tenants/acme/calendars/work/events/a HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n"
    );
    stuck.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is being handled.
    let mut asked = [0; 12];
    stuck.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    world.api.close();
    server.await.unwrap();
    assert!(!read_to_end(stuck).await.contains("HTTP/1.1 2"));
    assert!(world.script.edits.lock().unwrap().is_empty());
}
