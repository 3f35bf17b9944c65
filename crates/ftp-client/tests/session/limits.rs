//! How much a server may send, and for how long.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use ftp_client::{Client, Config, DataFault, Error, Limits, ProtocolFault, Wait};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::{config, connect, fetch, names, open, path, play};

const MLSD: &str = "C: FEAT\nS: 211-features\nS:  MLST type*;\nS: 211 end\nC: EPSV\nS: 229 (|||{port}|)\nC: MLSD in\nS: 150 here\n";
const BEGUN: &str = "C: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";

#[tokio::test]
async fn a_listing_ends_at_its_limits_and_the_error_names_them() {
    let table = [
        (Limits { listing_entries: 3, ..Limits::default() }, "longer than 3 entries"),
        (Limits { listing_bytes: 50, ..Limits::default() }, "longer than 50 bytes"),
    ];
    for (limits, named) in table {
        let server = play(&format!("{MLSD}D> {}\nT: hang", "type=file; a\\r\\n".repeat(4))).await;
        let error = names(&mut open(Config { limits, ..config(&server) }).await, "in").await.unwrap_err();
        assert!(matches!(&error, Error::Protocol(ProtocolFault::ListingTooLong { .. })), "{error:?}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn a_listing_at_its_limits_is_one() {
    let limits = Limits { listing_entries: 4, listing_bytes: 4 * 14, ..Limits::default() };
    let server = play(&format!("{MLSD}D> {}\nD: close\nS: 226 done", "type=file; a\\r\\n".repeat(4))).await;
    assert_eq!(names(&mut open(Config { limits, ..config(&server) }).await, "in").await.unwrap().len(), 4);
    server.finish().await;
}

#[tokio::test]
async fn a_listing_text_ends_at_its_limit_too() {
    let server = play(&format!(
        "C: FEAT\nS: 500 no\nC: PWD\nS: 257 \"/\"\nC: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: 150 here\nD> {}\nT: hang",
        "x".repeat(100)
    ))
    .await;
    let limits = Limits { listing_bytes: 50, ..Limits::default() };
    let mut session = open(Config { limits, ..config(&server) }).await;
    let error = session.listing_text(&path("in")).await.unwrap_err();
    assert!(error.to_string().contains("longer than 50 bytes"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_announced_too_large_is_not_begun() {
    let server = play("C: SIZE f\nS: 213 6\nC: DELE f\nS: 250 ok").await;
    let mut session = open(at_most(5, config(&server))).await;
    let error = fetch(&mut session, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::TooLarge { limit: 5 })), "{error:?}");
    assert!(error.to_string().contains("more than 5 bytes"), "{error}");
    session.delete(&path("f")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_file_that_turns_out_too_large_ends_at_the_limit() {
    for size in ["213 5", "550 no"] {
        let endless = "D> hello\n".repeat(3);
        let server = play(&format!("C: SIZE f\nS: {size}\n{BEGUN}{endless}T: hang")).await;
        let error = fetch(&mut open(at_most(5, config(&server))).await, "f").await.unwrap_err();
        assert!(matches!(&error, Error::Data(DataFault::TooLarge { limit: 5 })), "{size}: {error:?}");
    }
    let server = play(&format!("C: SIZE f\nS: 213 5\n{BEGUN}D> hello\nD: close\nS: 226 done")).await;
    assert_eq!(fetch(&mut open(at_most(5, config(&server))).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

fn at_most(bytes: u64, config: Config) -> Config {
    Config { limits: Limits { download_bytes: Some(bytes), ..Limits::default() }, ..config }
}

#[tokio::test]
async fn an_endless_reply_ends_at_its_limits() {
    let many_lines = format!("S+: 250-\\n{}", "x\\n".repeat(2000));
    let long_lines = format!("S+: 250-\\n{}", format!("{}\\n", "x".repeat(10_000)).repeat(30));
    for (endless, named) in [(many_lines, "1000 lines"), (long_lines, "262144 bytes")] {
        let server = play(&format!("C: DELE f\n{endless}\nT: hang")).await;
        let error = connect(&server).await.delete(&path("f")).await.unwrap_err();
        assert!(matches!(&error, Error::Protocol(ProtocolFault::Reply(_))), "{error:?}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// A server that never stops and never gets anywhere: `byte` again and again.
async fn dripping(byte: u8) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220-welcome\r\n").await.unwrap();
        while stream.write_all(&[byte]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    port
}

#[tokio::test]
async fn a_reply_that_comes_byte_by_byte_has_the_time_of_one_wait() {
    for byte in [b'x', b'\n'] {
        let server = play("").await;
        let port = dripping(byte).await;
        let client =
            Client::new(Config { port, timeout: Duration::from_millis(500), ..config(&server) }).unwrap();
        let began = Instant::now();
        let error = client.connect().await.unwrap_err();
        assert!(matches!(&error, Error::Timeout { wait: Wait::Greeting, .. }), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_listing_that_is_here_already_lets_others_have_a_turn() {
    let lines = 5000;
    let server =
        play(&format!("{MLSD}D> {}\nD: close\nS: 226 done", "type=file; a\\r\\n".repeat(lines))).await;
    let mut session = connect(&server).await;
    let folder = path("in");
    let mut listing = session.list(&folder).await.unwrap();
    // From here on nothing has to be waited for.
    server.finish().await;
    let reading = async {
        let mut entries = 0;
        while listing.next().await.unwrap().is_some() {
            entries += 1;
        }
        entries
    };
    // Without the runtime's own budget, so that only the listing's good manners count.
    let mut reading = pin!(tokio::task::unconstrained(reading));
    let mut turns = 0;
    let entries = poll_fn(|context| {
        let polled = reading.as_mut().poll(context);
        turns += usize::from(polled.is_pending());
        polled
    })
    .await;
    assert_eq!(entries, lines);
    assert!(turns >= 4, "{turns} turns for others");
}
