//! Sessions that ended while they were idle: the first command notices, is sent on a new login, and nobody is told.
//!
//! Every operation is tried with each kind of end, and with no tries of its own.

use std::future::Future;
use std::pin::Pin;

use ftp_client::{Before, DataMode, Error, PoolLimits, Retries, Session};
use ftp_testkit::Transcript;

use super::{delete, logins, pool};
use crate::{LOGIN, config, fetch, names, path, persistent, play, put};

/// An operation, and what the server gets to see of it.
struct Operation {
    name: &'static str,
    /// The lines from the first command on; the first is the one that gets no answer.
    script: &'static str,
    run: for<'s> fn(&'s mut Session) -> Running<'s>,
}

type Running<'s> = Pin<Box<dyn Future<Output = Result<(), Error>> + 's>>;

const EPSV: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

fn operations() -> Vec<Operation> {
    vec![
        Operation {
            name: "delete",
            script: "C: DELE f\nS: 250 gone",
            run: |session| Box::pin(async { session.delete(&path("f")).await }),
        },
        Operation {
            name: "delete, of what the lost command had deleted already",
            script: "C: DELE f\nS: 550 no such file\nC: FEAT\nS: 211-f\nS:  MLST type*;\nS: 211 e\nC: MLST f\nS: 550 no",
            run: |session| Box::pin(async { session.delete(&path("f")).await }),
        },
        Operation {
            name: "delete, with a name beyond ASCII",
            script: "C: FEAT\nS: 211-f\nS:  UTF8\nS: 211 e\nC: OPTS UTF8 ON\nS: 200 ok\nC: DELE ö\nS: 250 gone",
            run: |session| Box::pin(async { session.delete(&path("ö")).await }),
        },
        Operation {
            name: "rename",
            script: "C: RNFR f\nS: 350 to\nC: RNTO g\nS: 250 ok",
            run: |session| Box::pin(async { session.rename(&path("f"), &path("g")).await }),
        },
        Operation {
            name: "size",
            script: "C: SIZE f\nS: 213 5",
            run: |session| Box::pin(async { session.size(&path("f")).await.map(|size| assert_eq!(size, Some(5))) }),
        },
        Operation {
            name: "modified",
            script: "C: MDTM f\nS: 213 20240101000000",
            run: |session| Box::pin(async { session.modified(&path("f")).await.map(|at| assert!(at.is_some())) }),
        },
        Operation {
            name: "stat",
            script: "C: FEAT\nS: 211-f\nS:  MLST type*;\nS: 211 e\nC: MLST f\nS+: 250-f\\r\\n type=file;size=5; f\\r\\n250 e\\r\\n",
            run: |session| Box::pin(async { session.stat(&path("f")).await.map(|entry| assert!(entry.is_some())) }),
        },
        Operation {
            name: "make folders",
            script: "C: MKD a\nS: 257 made\nC: MKD a/b\nS: 257 made",
            run: |session| Box::pin(async { session.make_folders(&path("a/b")).await }),
        },
        Operation {
            name: "list",
            script: "C: FEAT\nS: 500 no\nC: PWD\nS: 257 \"/\"\nC: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{port}|)\nC: LIST
                S: 150 here\nD: open\nD: close\nS: 226 done\nC: CWD /\nS: 250 ok",
            run: |session| Box::pin(async { names(session, "in").await.map(|names| assert!(names.is_empty())) }),
        },
        Operation {
            name: "download",
            script: "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done",
            run: |session| Box::pin(async { fetch(session, "f").await.map(|bytes| assert_eq!(bytes, b"hello")) }),
        },
        Operation {
            name: "upload",
            script: "C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 send\nD< hello\nS: 226 done",
            run: |session| Box::pin(async { put(session, "f", b"hello").await.map(drop) }),
        },
        Operation {
            name: "upload in place of a file",
            script: "C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 send\nD< \nS: 226 done",
            run: |session| {
                Box::pin(async {
                    session.upload_replacing(&path("f"), Before::Known(None)).await?.finish().await.map(drop)
                })
            },
        },
        Operation {
            name: "append",
            script: "C: EPSV\nS: 229 (|||{port}|)\nC: APPE f\nS: 150 send\nD< hello\nS: 226 done",
            run: |session| {
                Box::pin(async {
                    let mut upload = session.append(&path("f"), 5).await?;
                    upload.write(b"hello").await?;
                    upload.finish().await.map(drop)
                })
            },
        },
    ]
}

#[tokio::test]
async fn every_operation_begins_anew_on_a_new_login() {
    for Operation { name, script, run } in operations() {
        for end in ["T: close", "T: reset", "S: 421 you were idle"] {
            let first = script.lines().next().unwrap();
            let server = play(&format!("C: DELE warm\nS: 250 ok\n{first}\n{end}\n---\n{script}")).await;
            let (pool, client) = pool(PoolLimits::default(), config(&server));
            delete(&pool, &client, "warm").await.unwrap();
            let mut session = pool.session(&client).await.unwrap();
            run(&mut session).await.unwrap_or_else(|error| panic!("{name}, {end}: {error}"));
            session.give_back().await;
            server.finish().await;
            assert_eq!(logins(&server), 2, "{name}, {end}");
            assert_eq!((pool.statistics().retries, pool.statistics().open), (1, 1), "{name}, {end}");
        }
    }
}

#[tokio::test]
async fn a_command_that_comes_later_in_its_operation_may_be_the_first_of_the_session() {
    // What the server can do is known from before, so it is not FEAT that notices.
    let known = "C: FEAT\nS: 211-f\nS:  MLST type*;\nS:  UTF8\nS: 211 e\nC: MLST f\nS+: 250-f\\r\\n type=file; f\\r\\n250 e\\r\\n";
    let listing =
        format!("C: OPTS UTF8 ON\nS: 200 ok\n{EPSV}C: MLSD in\nS: 150 here\nD: open\nD: close\nS: 226 done");
    let again = format!("C: OPTS UTF8 ON\nS: 200 ok\n{listing}");
    for (lost, script) in
        [("C: OPTS UTF8 ON", listing.as_str()), ("C: OPTS UTF8 ON\nS: 200 ok\nC: EPSV", &again)]
    {
        let server = play(&format!("{known}\n{lost}\nT: close\n---\n{script}")).await;
        let (pool, client) = pool(PoolLimits::default(), persistent(&server));
        let mut session = pool.session(&client).await.unwrap();
        session.stat(&path("f")).await.unwrap();
        session.give_back().await;
        let mut session = pool.session(&client).await.unwrap();
        let listed = names(&mut session, "in").await;
        // Once the server has answered, what is lost is lost, and listings have no tries of their own.
        assert_eq!(listed.is_ok(), lost.ends_with("ON"), "{lost}: {listed:?}");
        if listed.is_ok() {
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn active_transfers_listen_anew() {
    let transfer = "C: PORT *\nS: 200 ok\nC: STOR f\nS: 150 send\nD: connect\nD< hello\nS: 226 done";
    let server = play(&format!("C: DELE warm\nS: 250 ok\nC: PORT *\nT: close\n---\n{transfer}")).await;
    let active = ftp_client::Config { data_mode: DataMode::Active, ..config(&server) };
    let (pool, client) = pool(PoolLimits::default(), active);
    delete(&pool, &client, "warm").await.unwrap();
    let mut session = pool.session(&client).await.unwrap();
    put(&mut session, "f", b"hello").await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn it_is_done_once_and_what_fails_then_has_failed() {
    let lost = "C: SIZE f\nT: close";
    let server = play(&format!("C: DELE warm\nS: 250 ok\n{lost}\n---\n{lost}")).await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "warm").await.unwrap();
    let mut session = pool.session(&client).await.unwrap();
    let error = session.size(&path("f")).await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    server.finish().await;
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn it_does_not_count_among_the_tries() {
    let lost = "C: SIZE f\nT: close";
    let server =
        play(&format!("C: DELE warm\nS: 250 ok\n{lost}\n---\n{lost}\n---\nC: SIZE f\nS: 213 5")).await;
    let one = ftp_client::Config {
        retries: Retries { attempts: 1, ..persistent(&server).retries },
        ..config(&server)
    };
    let (pool, client) = pool(PoolLimits::default(), one);
    delete(&pool, &client, "warm").await.unwrap();
    let mut session = pool.session(&client).await.unwrap();
    assert_eq!(session.size(&path("f")).await.unwrap(), Some(5));
    server.finish().await;
    assert_eq!(pool.statistics().retries, 2);
}

#[tokio::test]
async fn a_file_whose_bytes_were_sent_is_not_sent_again_unasked() {
    let server =
        play(&format!("C: DELE warm\nS: 250 ok\n{EPSV}C: STOR f\nS: 150 send\nD< hello\nT: close")).await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "warm").await.unwrap();
    let mut session = pool.session(&client).await.unwrap();
    let error = put(&mut session, "f", b"hello").await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_rename_is_not_done_again_after_its_second_half_was_sent() {
    let server = play("C: DELE warm\nS: 250 ok\nC: RNFR f\nS: 350 to\nC: RNTO g\nT: close").await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "warm").await.unwrap();
    let mut session = pool.session(&client).await.unwrap();
    let error = session.rename(&path("f"), &path("g")).await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_is_down_when_it_is_noticed_is_tried_again_as_usual() {
    let lost = "C: DELE warm\nS: 250 ok\nC: DELE f\nT: close";
    let again = "C: DELE f\nS: 250 ok";
    let script = format!("{LOGIN}{lost}\n---\nT: close\n---\n{LOGIN}{again}");
    let server = Transcript::parse(&script).start().await;
    let (pool, client) = pool(PoolLimits::default(), persistent(&server));
    delete(&pool, &client, "warm").await.unwrap();
    delete(&pool, &client, "f").await.unwrap();
    server.finish().await;
    assert_eq!(pool.statistics().retries, 2);
}
