//! Every product in every setting starts, greets and lets the login in, without a client of ours being
//! involved.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use super::*;

/// Says a line, and hears the last line of the reply to it.
fn dialogue(stream: &mut BufReader<TcpStream>, line: &str) -> String {
    stream.get_mut().write_all(line.as_bytes()).unwrap();
    loop {
        let mut reply = String::new();
        assert_ne!(stream.read_line(&mut reply).unwrap(), 0, "the server left");
        if reply.as_bytes()[..3].iter().all(u8::is_ascii_digit) && reply.as_bytes()[3] == b' ' {
            return reply;
        }
    }
}

fn connect(server: &RealServer) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(server.address()).unwrap());
    assert!(dialogue(&mut stream, "").starts_with("220 "));
    stream
}

/// The cell of one product and one setting.
async fn check(product: Product, tls: Tls) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    match tls {
        Tls::Off => {
            let mut stream = connect(&server);
            assert!(dialogue(&mut stream, "USER user\r\n").starts_with("331 "));
            assert!(dialogue(&mut stream, "PASS pass123\r\n").starts_with("230 "));
            server.seed("in/file", "12345").unwrap();
            assert_eq!(dialogue(&mut stream, "TYPE I\r\n")[..3], *"200");
            assert_eq!(dialogue(&mut stream, "SIZE /in/file\r\n"), "213 5\r\n");
            assert_eq!(dialogue(&mut stream, "MKD /in/made\r\n")[..3], *"257");
            assert!(server.home().join("in/made").is_dir());
            assert_eq!(dialogue(&mut stream, "DELE /in/file\r\n")[..3], *"250");
        }
        Tls::Implicit => {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            // A line that is no ClientHello: whoever speaks TLS from the first byte does not answer it with a reply.
            stream.write_all(b"USER user\r\n").unwrap();
            let mut said = Vec::new();
            // The server may reset the connection once it has said its alert.
            drop(std::io::Read::read_to_end(&mut stream, &mut said));
            assert!(!said.starts_with(b"220"), "{product} greets in clear text");
        }
        Tls::On(_) => {
            let mut stream = connect(&server);
            let mut reply = dialogue(&mut stream, "USER user\r\n");
            if reply.starts_with("331 ") {
                reply = dialogue(&mut stream, "PASS pass123\r\n");
            }
            assert!(matches!(reply.as_bytes()[0], b'4' | b'5'), "{product} lets clear text in: {reply}");
            assert!(dialogue(&mut connect(&server), "AUTH TLS\r\n").starts_with("234 "));
        }
    }
}

#[tokio::test]
async fn vsftpd_starts_in_every_setting() {
    for tls in Tls::ALL {
        check(Product::Vsftpd, tls).await;
    }
}

#[tokio::test]
async fn proftpd_starts_in_every_setting() {
    for tls in Tls::ALL {
        check(Product::ProFtpd, tls).await;
    }
}

#[tokio::test]
async fn pure_ftpd_starts_in_every_setting() {
    for tls in Tls::ALL {
        check(Product::PureFtpd, tls).await;
    }
}

#[tokio::test]
async fn libunftp_starts_in_every_setting() {
    for tls in Tls::ALL {
        check(Product::Libunftp, tls).await;
    }
}

#[tokio::test]
async fn implicit_tls_starts_where_a_product_has_it() {
    for product in Product::WITH_IMPLICIT_TLS {
        check(product, Tls::Implicit).await;
    }
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_comes_back_on_its_port() {
    for product in Product::ALL {
        let Some(mut server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let mut stream = connect(&server);
        let address = server.address();
        server.stop().await;
        assert_eq!(stream.read_line(&mut String::new()).unwrap_or(0), 0, "{product} still talks");
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        server.restart().await;
        assert_eq!(server.address(), address);
        connect(&server);
    }
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    for product in Product::ALL {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let (address, folder) = (server.address(), server.setup.folder.path().to_owned());
        let mut stream = connect(&server);
        drop(server);
        // libunftp's tasks end soon, the processes of the others have ended.
        assert_eq!(stream.read_line(&mut String::new()).unwrap_or(0), 0, "{product} still talks");
        if product != Product::Libunftp {
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
        assert!(!folder.exists());
    }
}

#[test]
fn ports_are_given_once() {
    let ports: std::collections::HashSet<u16> = (0..100).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 100);
}

#[tokio::test]
async fn eight_servers_run_side_by_side() {
    let starts = Product::ALL.into_iter().flat_map(|product| {
        [Tls::Off, Tls::On(TlsVersions::Default)]
            .map(|tls| tokio::spawn(async move { RealServer::start_or_skip(product, tls).await }))
    });
    let mut servers = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        servers.extend(start.await.unwrap());
    }
    let mut streams: Vec<_> = servers.iter().map(connect).collect();
    for (stream, server) in streams.iter_mut().zip(&servers) {
        let reply = dialogue(stream, "FEAT\r\n");
        assert!(reply.starts_with("211 "), "{}: {reply}", server.setup.product);
    }
}
