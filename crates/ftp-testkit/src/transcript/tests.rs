//! The player, played against clients that keep to the script and clients that do not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use expect_test::{Expect, expect};

use super::*;

mod hostility;

/// A client of few words, blocking on purpose: the servers must live without the test's runtime.
struct Client(TcpStream);

impl Client {
    fn connect(server: &ScriptedServer) -> Self {
        Self(TcpStream::connect(server.address()).unwrap())
    }

    fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Reads one line of a reply.
    fn hear(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    /// The last number of a reply: the port of `229 {port}`.
    fn hear_port(&mut self) -> u16 {
        self.hear().rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn data(port: u16) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()
    }
}

/// Finishes, and compares the complaint.
async fn check_complaint(server: ScriptedServer, expected: Expect) {
    let server = Arc::new(server);
    let finished = tokio::spawn({
        let server = server.clone();
        async move { server.finish().await }
    });
    let panic = finished.await.unwrap_err().into_panic();
    expected.assert_eq(panic.downcast_ref::<String>().unwrap());
}

#[tokio::test]
async fn a_session_with_a_download_and_an_upload() {
    let server = Transcript::parse(
        r"
        S: 220-hi
        S: 220 there
        C: USER *
        S: 229 {port}
        C: RETR a
        S: 150 here
        D> one\r\n
        D> two\xff
        D: close
        S: 226 done
        S: 229 {port}
        C: STOR b
        D<
        S: 226 done
        S: 229 {port}
        C: STOR c
        D< right",
    )
    .start()
    .await;

    let mut client = Client::connect(&server);
    assert_eq!(client.hear(), "220-hi");
    assert_eq!(client.hear(), "220 there");
    client.say("USER x\r\n");
    let mut data = Client::data(client.hear_port());
    client.say("RETR a\r\n");
    assert_eq!(client.hear(), "150 here");
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"one\r\ntwo\xff");
    assert_eq!(client.hear(), "226 done");
    for (command, content) in [("STOR b\r\n", "anything"), ("STOR c\r\n", "right")] {
        let port = client.hear_port();
        client.say(command);
        Client::data(port).write_all(content.as_bytes()).unwrap();
        if content == "anything" {
            assert_eq!(client.hear(), "226 done");
        }
    }

    server.finish().await;
    assert_eq!(server.received(), ["USER x", "RETR a", "STOR b", "STOR c"]);
    assert_eq!(server.uploads(), [b"anything".to_vec(), b"right".to_vec()]);
}

#[tokio::test]
async fn active_mode_connects_to_the_client() {
    let server = Transcript::parse(
        "C: PORT *
         D: connect
         D> hello
         D: close",
    )
    .start()
    .await;
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let [p1, p2] = listener.local_addr().unwrap().port().to_be_bytes();
    Client::connect(&server).say(&format!("PORT 127,0,0,1,{p1},{p2}\r\n"));
    let mut text = String::new();
    listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    server.finish().await;
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let server = Transcript::parse("S: 229 {closed}").start().await;
    let mut client = Client::connect(&server);
    let error = TcpStream::connect((Ipv4Addr::LOCALHOST, client.hear_port())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    server.finish().await;
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_none() {
    let server = Transcript::parse("T: reset\n---\nT: close\n---\nS: 229 {port}\nD: open\nD: reset\nT: eof")
        .start()
        .await;
    let mut bytes = Vec::new();
    let error = Client::connect(&server).0.read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(Client::connect(&server).0.read_to_end(&mut bytes).unwrap(), 0);
    let mut client = Client::connect(&server);
    let error = Client::data(client.hear_port()).read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    drop(client);
    server.finish().await;
}

#[tokio::test]
async fn hanging_ends_with_the_test() {
    let server = Transcript::parse("S: 220 hi\nC: LIST\nT: hang").start().await;
    let mut client = Client::connect(&server);
    assert_eq!(client.hear(), "220 hi");
    client.say("LIST\r\nABOR\r\n");
    server.finish().await;
    assert_eq!(server.received()[0], "LIST");
}

#[tokio::test]
async fn successive_connections_play_successive_scripts() {
    let server = Transcript::parse("S: 220 one\n---\nS: 220 two").start().await;
    let (mut one, mut two) = (Client::connect(&server), Client::connect(&server));
    assert_eq!(two.hear(), "220 two");
    assert_eq!(one.hear(), "220 one");
    server.finish().await;
}

#[tokio::test]
async fn another_line_than_expected_is_shown_in_its_place() {
    let server = Transcript::parse("S: 220 hi\nC: USER a\nS: 331 ?\nC: PASS b\nS: 230 ok").start().await;
    let mut client = Client::connect(&server);
    client.say("USER a\r\nPASS c\r\n");
    assert_eq!(client.hear(), "220 hi");
    check_complaint(
        server,
        expect![[r#"
            the client left the script of connection 1:
              S: 220 hi
              C: USER a
              S: 331 ?
            - C: PASS b
            + C: PASS c
              S: 230 ok
        "#]],
    )
    .await;
}

#[tokio::test]
async fn leaving_early_is_noticed() {
    let server = Transcript::parse("S: 220 hi\nC: QUIT").start().await;
    assert_eq!(Client::connect(&server).hear(), "220 hi");
    check_complaint(
        server,
        expect![[r#"
            the client left the script of connection 1:
              S: 220 hi
            - C: QUIT
            + the client closed the connection
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_line_after_the_end_is_noticed() {
    let server = Transcript::parse("S: 220 hi").start().await;
    let mut client = Client::connect(&server);
    assert_eq!(client.hear(), "220 hi");
    client.say("PASS secret\r\n");
    check_complaint(
        server,
        expect![[r#"
            the client left the script of connection 1:
              S: 220 hi
            + C: PASS secret
        "#]],
    )
    .await;
}

#[tokio::test]
async fn other_bytes_than_expected_are_noticed() {
    let server = Transcript::parse("S: 229 {port}\nD< right").start().await;
    let mut client = Client::connect(&server);
    Client::data(client.hear_port()).write_all(b"wrong\r\n").unwrap();
    check_complaint(
        server,
        expect![[r#"
            the client left the script of connection 1:
              S: 229 {port}
            - D< right
            + D< wrong\r\n
        "#]],
    )
    .await;
}

#[tokio::test]
async fn connections_are_counted() {
    let server = Transcript::parse("S: 220 hi\n---\nS: 220 again").start().await;
    let mut client = Client::connect(&server);
    assert_eq!(client.hear(), "220 hi");
    check_complaint(
        server,
        expect![[r#"
            the client left the script of connection 2:
            - S: 220 again
            + the client never made this connection
        "#]],
    )
    .await;

    let server = Transcript::parse("S: 220 hi").start().await;
    assert_eq!(Client::connect(&server).hear(), "220 hi");
    let mut nothing = Vec::new();
    let _ = Client::connect(&server).0.read_to_end(&mut nothing);
    check_complaint(server, expect!["the client made one connection more than there are scripts"]).await;
}

type ClientTls = tokio_rustls::client::TlsStream<tokio::net::TcpStream>;

async fn tls(server: &ScriptedServer, stream: tokio::net::TcpStream) -> ClientTls {
    try_tls(server, stream).await.unwrap()
}

/// What a TLS client does that trusts the server's authority and nobody else.
async fn try_tls(server: &ScriptedServer, stream: tokio::net::TcpStream) -> std::io::Result<ClientTls> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect("127.0.0.1".try_into().unwrap(), stream).await
}

#[tokio::test]
async fn tls_on_both_connections_and_a_transfer_cut_off() {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    let server = Transcript::parse(
        "T: tls
         S: 229 {port}
         C: PROT P
         D> whole
         D: close
         S: 229 {port}
         D> half
         D: cut
         C: QUIT
         T: eof",
    )
    .start()
    .await;

    let control = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let mut control = BufReader::new(tls(&server, control).await);
    control.write_all(b"PROT P\r\n").await.unwrap();
    let mut ends = Vec::new();
    for _ in 0..2 {
        let mut reply = String::new();
        control.read_line(&mut reply).await.unwrap();
        let port: u16 = reply.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
        let data = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let mut text = String::new();
        let end = tls(&server, data).await.read_to_string(&mut text).await;
        ends.push((text, end.map_err(|error| error.kind())));
    }
    control.write_all(b"QUIT\r\n").await.unwrap();
    drop(control);
    server.finish().await;
    assert_eq!(ends[0], ("whole".to_owned(), Ok(5)));
    assert_eq!(ends[1].1, Err(std::io::ErrorKind::UnexpectedEof));
}

#[tokio::test]
async fn a_port_that_refuses_can_begin_to_listen() {
    let server = Transcript::parse("S: {closed}\nC: go\nD: listen\nS: now\nD> late\nD: close").start().await;
    let mut client = Client::connect(&server);
    let port = client.hear_port();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err();
    client.say("go\r\n");
    assert_eq!(client.hear(), "now");
    let mut text = String::new();
    Client::data(port).read_to_string(&mut text).unwrap();
    assert_eq!(text, "late");
    server.finish().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_filtered_port_neither_accepts_nor_refuses() {
    let server = Transcript::parse("S: {filtered}").start().await;
    // The port lives as long as the client stays.
    let mut client = Client::connect(&server);
    let address = (Ipv4Addr::LOCALHOST, client.hear_port()).into();
    let patience = std::time::Duration::from_millis(300);
    let error = TcpStream::connect_timeout(&address, patience).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn over_ipv6_the_data_goes_there_as_well() {
    let transcript = Transcript::parse("S: {port}\nD> six\nD: close");
    // A machine without IPv6 has nothing to test here.
    let Ok(server) = transcript.start_on(std::net::Ipv6Addr::LOCALHOST).await else { return };
    let port = Client::connect(&server).hear_port();
    let mut text = String::new();
    TcpStream::connect((std::net::Ipv6Addr::LOCALHOST, port)).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "six");
    server.finish().await;
}
