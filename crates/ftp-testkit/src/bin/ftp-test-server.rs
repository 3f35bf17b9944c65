//! Starts one of the kit's real servers for trials by hand and for measurements: prints how to reach it, and serves until
//! its stdin ends.
//!
//! `cargo run -p ftp-testkit --bin ftp-test-server -- vsftpd [tls|tls1.2|tls1.3|implicit]`

use std::io::Read;
use std::process::ExitCode;

use ftp_testkit::{Product, RealServer, Tls, TlsVersions};

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tls = match arguments.get(1).map(String::as_str) {
        None => Some(Tls::Off),
        Some("tls") => Some(Tls::On(TlsVersions::Default)),
        Some("tls1.2") => Some(Tls::On(TlsVersions::Only12)),
        Some("tls1.3") => Some(Tls::On(TlsVersions::Only13)),
        Some("implicit") => Some(Tls::Implicit),
        Some(_) => None,
    };
    let wanted = arguments.first().map(|name| name.to_lowercase()).unwrap_or_default();
    let product = Product::ALL.into_iter().find(|product| product.to_string().to_lowercase() == wanted);
    let (Some(product), Some(tls)) = (product, tls) else {
        eprintln!("usage: ftp-test-server vsftpd|proftpd|pure-ftpd|libunftp [tls|tls1.2|tls1.3|implicit]");
        return ExitCode::from(2);
    };
    let server = match RealServer::start(product, tls).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("no {product}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let authority = server.home().with_file_name("authority.pem");
    if let Err(error) = std::fs::write(&authority, server.ca_pem()) {
        eprintln!("{}: {error}", authority.display());
        return ExitCode::FAILURE;
    }
    println!("address={}", server.address());
    println!("user={}:{}", server.username(), server.password());
    println!("home={}", server.home().display());
    println!("authority={}", authority.display());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    drop(ended);
    ExitCode::SUCCESS
}
