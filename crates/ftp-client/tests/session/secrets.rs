//! What is printed for developers holds no secret either.

use ftp_client::{Client, Config, Proxy, TlsConfig, TlsMode, Verification};

use crate::{PROT, PROTECTED, config, fetch, path};

#[tokio::test]
async fn no_debug_output_shows_password_pin_or_proxy_login() {
    let server = ftp_testkit::Transcript::parse(&format!(
        "{PROTECTED}{PROT}C: EPSV\nS: 229 (|||{{port}}|)\nC: STOR f\nS: 150 canary\nD< hello\nS: 226 canary
         C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 550 no canary"
    ))
    .start()
    .await;
    let pin = server.certificate_sha256();
    let verification = Verification::pin_from_hex(&pin).unwrap();
    let proxy = Proxy::parse("http://finch:starling@h:80").unwrap();
    let unused = Config { proxy: Some(proxy.clone()), ..config(&server) };
    let tls = Some(TlsConfig { mode: TlsMode::Explicit, verification });
    let used = Config { tls, ..config(&server) };

    let mut shown = vec![format!("{unused:?} {proxy:?} {used:?}")];
    let client = Client::new(used).unwrap();
    let mut session = client.connect().await.unwrap();
    shown.push(format!("{client:?} {session:?}"));
    let mut upload = session.upload(&path("f")).await.unwrap();
    upload.write(b"hello").await.unwrap();
    shown.push(format!("{upload:?}"));
    upload.finish().await.unwrap();
    let error = fetch(&mut session, "f").await.unwrap_err();
    shown.push(format!("{error:?} {session:?}"));
    server.finish().await;

    let bytes =
        pin.as_bytes().chunks(2).map(|hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap());
    let bytes = format!("{:?}", bytes.collect::<Vec<_>>());
    let shown = shown.join("\n");
    for secret in ["canary", "finch", "starling", &pin, &pin.to_uppercase(), bytes.trim_matches(['[', ']'])] {
        assert!(!shown.contains(secret), "`{secret}` is shown: {shown}");
    }
}
