//! The lines with which a server hurts.

use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn a_flood_goes_on_until_the_client_leaves() {
    let server = Transcript::parse("S*: ab\\n\n---\nS: 229 {port}\nD*: cd").start().await;
    let mut client = Client::connect(&server);
    let mut bytes = vec![0; 1 << 20];
    client.0.read_exact(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"ab\nab\n"));

    let mut client = Client::connect(&server);
    let mut data = Client::data(client.hear_port());
    data.read_exact(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"cdcd"));
    drop((client, data));
    server.finish().await;
}

#[tokio::test]
async fn after_a_flood_of_data_the_script_goes_on() {
    let server = Transcript::parse("S: 229 {port}\nD*: cd\nS: 426 left\nC: bye").start().await;
    let mut client = Client::connect(&server);
    drop(Client::data(client.hear_port()));
    assert_eq!(client.hear(), "426 left");
    client.say("bye\r\n");
    server.finish().await;
}

#[tokio::test]
async fn a_drip_is_slow_and_has_no_end() {
    let server = Transcript::parse("S~: ab").start().await;
    let began = Instant::now();
    let mut bytes = [0; 5];
    Client::connect(&server).0.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, *b"ababa");
    assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
    server.finish().await;
}

#[tokio::test]
async fn a_pause_is_a_pause_and_who_has_to_go_may_say_anything() {
    let server = Transcript::parse("C: hello\nT: pause\nS: 220 hi\nT: gone").start().await;
    let mut client = Client::connect(&server);
    let began = Instant::now();
    client.say("hello\r\n");
    assert_eq!(client.hear(), "220 hi");
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    client.say("half a li");
    drop(client);
    server.finish().await;
    assert_eq!(server.received(), ["hello"]);
}

#[tokio::test]
async fn data_may_come_in_the_clear_after_all() {
    let server = Transcript::parse("C: PROT P\nS: 229 {port}\nD: plain\nD> hello\nD: close").start().await;
    let mut client = Client::connect(&server);
    client.say("PROT P\r\n");
    let mut text = String::new();
    Client::data(client.hear_port()).read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    drop(client);
    server.finish().await;
}

#[tokio::test]
async fn a_forged_certificate_has_to_be_refused() {
    let server = Transcript::parse("T: forged\n---\nS: 229 {port}\nD: forged").start().await;
    let control = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    assert!(try_tls(&server, control).await.is_err());
    let mut client = Client::connect(&server);
    let data = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, client.hear_port())).await.unwrap();
    assert!(try_tls(&server, data).await.is_err());
    server.finish().await;
}

#[cfg(target_os = "linux")] // Other systems have one loopback address only.
#[tokio::test]
async fn a_stranger_has_to_be_turned_away() {
    for turn_away in [true, false] {
        let server = Transcript::parse("C: PORT *\nD: stranger\nS: 150 here").start().await;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let [p1, p2] = listener.local_addr().unwrap().port().to_be_bytes();
        let mut client = Client::connect(&server);
        client.say(&format!("PORT 127,0,0,1,{p1},{p2}\r\n"));
        let (mut stranger, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 2));
        if turn_away {
            drop(stranger);
            assert_eq!(client.hear(), "150 here");
            server.finish().await;
        } else {
            stranger.write_all(b"welcome").unwrap();
            check_complaint(
                server,
                expect![[r#"
                    the client left the script of connection 1:
                      C: PORT *
                    - D: stranger
                    + the stranger got an answer
                      S: 150 here
                "#]],
            )
            .await;
        }
    }
}
