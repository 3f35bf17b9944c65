//! The connection test: a table of steps, and for the one that fails what to change.

use ftp_testkit::{Product, RealServer, Tls, TlsVersions, Transcript};
use serde_json::{Value, json};

use crate::process::{Answer, connection, run};

fn test(arguments: &[&str], connection: &Value) -> Answer {
    let message = json!({"version": "v1", "type": "connection_test", "body": {"connection": connection}});
    run(arguments, message.to_string().as_bytes())
}

/// `step result` of every step.
fn steps(output: &Value) -> Vec<String> {
    let steps = output["steps"].as_array().unwrap_or_else(|| panic!("no steps: {output}"));
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    steps.iter().map(|step| format!("{} {}", text(step, "step"), text(step, "result"))).collect()
}

#[tokio::test]
async fn every_server_passes_every_step_and_is_left_as_it_was() {
    for product in Product::ALL {
        for tls in [Tls::Off, Tls::On(TlsVersions::Default)] {
            let Some(server) = RealServer::start_or_skip(product, tls).await else { continue };
            server.seed("readable.txt", "12345").unwrap();
            let settings = connection(&server, tls != Tls::Off, true);
            let answer = test(&["test", "--write"], &settings);
            let output = answer.output();
            let failed: Vec<_> = steps(&output).into_iter().filter(|step| step.ends_with("failed")).collect();
            // vsftpd lets anonymous and local users alike write where the file system does, but not into its root.
            assert!(failed.iter().all(|step| step.starts_with("write")), "{product} {tls:?}: {output}");
            let resumed = steps(&output).contains(&"tls resumption ok".to_owned());
            assert_eq!(resumed, tls != Tls::Off, "{product} {tls:?}: {output}");
            assert_eq!(output["logged_in"], json!(true));
            assert_eq!(output["table"].as_str().unwrap().lines().count(), steps(&output).len());
            let left: Vec<_> = std::fs::read_dir(server.home()).unwrap().collect();
            assert!(
                left.iter().all(|entry| {
                    !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".icon-ftp")
                }),
                "{product} {tls:?}: {left:?}"
            );
        }
    }
}

#[tokio::test]
async fn with_tls_the_certificate_is_shown_so_that_it_can_be_pinned() {
    let tls = Tls::On(TlsVersions::Default);
    let Some(server) = RealServer::start_or_skip(Product::Libunftp, tls).await else { return };
    let output = test(&["test"], &connection(&server, true, true)).output();
    let detail = output["steps"].as_array().unwrap().iter().find(|step| step["step"] == "tls").unwrap();
    let detail = detail["detail"].as_str().unwrap();
    assert!(detail.starts_with("explicit, TLS 1."), "{detail}");
    for fact in ["subject: ", "issuer: ", "valid: ", "SHA-256: "] {
        assert!(detail.contains(fact), "{fact} is not in {detail}");
    }
}

#[tokio::test]
async fn the_step_that_fails_is_named_with_cause_advice_and_table() {
    let Some(server) = RealServer::start_or_skip(Product::PureFtpd, Tls::Off).await else { return };
    let mut wrong = connection(&server, false, true);
    wrong["credentials"]["password"] = json!("canary");
    let answer = test(&["test"], &wrong);
    assert!(answer.cause().starts_with("The login was refused"), "{answer:?}");
    assert!(answer.assistance().contains("`credentials`"), "{answer:?}");
    let data = answer.event()["body"]["exception"]["data"].as_str().unwrap().to_owned();
    assert!(data.starts_with("failed at: login\n"), "{data}");
    let last = data.lines().last().unwrap();
    assert!(last.starts_with("login ") && last.contains("failed"), "{data}");
    assert!(!answer.everything().contains("canary"), "{answer:?}");
}

#[tokio::test]
async fn an_address_that_is_not_the_servers_is_advised_on() {
    let server = Transcript::parse(
        r"S: 220 hi
          C: USER user
          S: 230 in
          C: TYPE I
          S: 200 ok
          C: FEAT
          S: 211-x
          S:  MLST type*;
          S: 211 x
          C: PASV
          S: 227 (10,0,0,5,4,1)
          C: EPSV
          S: 229 (|||{port}|)
          C: LIST
          S: 150 here
          D> -rw-r--r-- 1 u g 5 Jan 01 2024 a\r\n
          D: close
          S: 226 done
          C: PORT *
          S: 500 no
          C: EPRT *
          S: 500 no
          C: EPSV
          S: 229 (|||{port}|)
          C: MLSD .
          S: 150 here
          D> type=file; a\r\n
          D: close
          S: 226 done
          C: QUIT",
    )
    .start()
    .await;
    let settings =
        json!({"host": server.address().to_string(), "credentials": {"username": "user", "password": "x"}});
    let output = test(&["run"], &settings).output();
    server.finish().await;
    assert!(steps(&output).contains(&"active data failed".to_owned()), "{output}");
    let causes: Vec<&str> =
        output["advice"].as_array().unwrap().iter().map(|advice| advice["cause"].as_str().unwrap()).collect();
    assert_eq!(causes.len(), 2, "{output}");
    assert!(causes[0].starts_with("The server names 10.0.0.5 for passive data"), "{causes:?}");
}
