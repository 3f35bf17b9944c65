//! The proxies, spoken to byte by byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::Transcript;

async fn ask(proxy: &TestProxy, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

async fn expect(stream: &mut TcpStream, answer: &[u8]) {
    let mut bytes = vec![0; answer.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, answer, "{}", bytes.escape_ascii());
}

#[tokio::test]
async fn both_lead_to_the_server_and_remember_the_name() {
    let server = Transcript::parse("S: 220 hi\n---\nS: 220 hi").start().await;
    let port = server.address().port();

    let socks = TestProxy::start_for(ProxyProtocol::Socks5, "u", "p").await;
    let [high, low] = port.to_be_bytes();
    let request = [&b"\x05\x01\x02\x01\x01u\x01p\x05\x01\x00\x03\x04some"[..], &[high, low]].concat();
    let mut stream = ask(&socks, &request).await;
    expect(&mut stream, b"\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00220 hi\r\n").await;
    assert_eq!(socks.targets(), [format!("some:{port}")]);

    let http = TestProxy::start_for(ProxyProtocol::Http, "u", "p").await;
    let request = format!("CONNECT other:{port} HTTP/1.1\r\nProxy-Authorization: Basic dTpw\r\n\r\n");
    let mut stream = ask(&http, request.as_bytes()).await;
    expect(&mut stream, b"HTTP/1.1 200 Connected\r\n\r\n220 hi\r\n").await;
    assert_eq!(http.targets(), [format!("other:{port}")]);
    server.finish().await;
}

#[tokio::test]
async fn a_cut_resets_the_connection_that_is_due_or_all_of_them() {
    let server = Transcript::parse(&["S: 220 hi\nC: A\nS: 200 a\nT: eof"; 4].join("\n---\n")).start().await;
    let proxy = TestProxy::start(ProxyProtocol::Http).await;
    let request = format!("CONNECT h:{} HTTP/1.1\r\n\r\n", server.address().port());
    let connect = async || {
        let mut stream = ask(&proxy, request.as_bytes()).await;
        expect(&mut stream, b"HTTP/1.1 200 Connected\r\n\r\n220 hi\r\n").await;
        stream
    };
    let (mut one, mut other) = (connect().await, connect().await);
    proxy.cut([Cut::One(8), Cut::All(8)]);
    one.write_all(b"A\r\n").await.unwrap();
    assert!(one.read(&mut [0; 9]).await.is_err() || one.read(&mut [0; 9]).await.is_err());
    assert!(!proxy.is_done_cutting());
    // Whoever has carried little is due only when all are.
    let mut third = connect().await;
    other.write_all(b"A\r\n").await.unwrap();
    for stream in [&mut other, &mut third] {
        while let Ok(1..) = stream.read(&mut [0; 9]).await {}
    }
    assert!(proxy.is_done_cutting());
    let mut after = connect().await;
    after.write_all(b"A\r\n").await.unwrap();
    expect(&mut after, b"200 a\r\n").await;
}

#[tokio::test]
async fn both_refuse_a_wrong_login() {
    let socks = TestProxy::start_for(ProxyProtocol::Socks5, "u", "p").await;
    expect(&mut ask(&socks, b"\x05\x01\x00").await, b"\x05\xff").await;
    expect(&mut ask(&socks, b"\x05\x01\x02\x01\x01u\x01q").await, b"\x05\x02\x01\x01").await;
    let http = TestProxy::start_for(ProxyProtocol::Http, "u", "p").await;
    expect(&mut ask(&http, b"CONNECT a:1 HTTP/1.1\r\n\r\n").await, b"HTTP/1.1 407 ").await;
    assert!(socks.targets().is_empty() && http.targets().is_empty());
}
