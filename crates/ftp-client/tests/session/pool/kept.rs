//! What is kept and given out again, and what never is.

use std::time::Duration;

use ftp_client::{Config, Error, PoolLimits};
use ftp_proto::Charset;

use super::{delete, logins, pool, until};
use crate::{config, fetch, impatient, names, path, persistent, play};

const DOWNLOAD: &str = "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done\n";

#[tokio::test]
async fn a_second_download_costs_no_login() {
    let server = play(&DOWNLOAD.repeat(3)).await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    for _ in 0..3 {
        let mut session = pool.session(&client).await.unwrap();
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
        session.give_back().await;
    }
    server.finish().await;
    let counted = pool.statistics();
    assert_eq!((logins(&server), counted.logins, counted.reused), (1, 1, 2));
    assert_eq!((counted.open, counted.idle, counted.thrown_away), (1, 1, 0));
    assert_eq!((counted.bytes_received, counted.bytes_sent, counted.retries), (15, 0, 0));
}

#[tokio::test]
async fn another_login_is_another_session() {
    let server = play("C: DELE a\nS: 250 ok\n---\nC: DELE b\nS: 250 ok").await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "a").await.unwrap();
    // One setting of the connection is enough.
    let other = pool.client(Config { timeout: Duration::from_secs(6), ..config(&server) }).unwrap();
    delete(&pool, &other, "b").await.unwrap();
    assert_eq!(pool.statistics().idle, 2);
    server.finish().await;
}

#[tokio::test]
async fn a_pool_for_one_step_says_good_bye_after_each() {
    let server =
        play("C: DELE a\nS: 250 ok\nC: QUIT\nT: eof\n---\nC: DELE b\nS: 250 ok\nC: QUIT\nT: eof").await;
    let (pool, client) = pool(PoolLimits::one_shot(), config(&server));
    delete(&pool, &client, "a").await.unwrap();
    delete(&pool, &client, "b").await.unwrap();
    server.finish().await;
    assert_eq!((pool.statistics().open, pool.statistics().thrown_away), (0, 0));
}

#[tokio::test]
async fn a_session_that_is_dropped_is_closed_without_a_word_and_never_seen_again() {
    let server = play("C: DELE a\nS: 250 ok\nT: eof\n---\nC: DELE b\nS: 250 ok").await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    let mut session = pool.session(&client).await.unwrap();
    session.delete(&path("a")).await.unwrap();
    drop(session);
    assert_eq!((pool.statistics().open, pool.statistics().thrown_away), (0, 1));
    delete(&pool, &client, "b").await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_session_that_was_left_without_its_reply_is_thrown_away() {
    let server = play("C: DELE a\nT: gone\n---\nC: DELE b\nS: 250 ok").await;
    let (pool, client) = pool(PoolLimits::default(), impatient(config(&server)));
    let error = delete(&pool, &client, "a").await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert_eq!((pool.statistics().open, pool.statistics().thrown_away), (0, 1));
    delete(&pool, &client, "b").await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_transfer_that_is_cancelled_takes_its_session_along() {
    let server = play("C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hel\nT: eof\n---\nC: DELE b\nS: 250 ok").await;
    let (pool, client) = pool(super::at_most(1), config(&server));
    let mut session = pool.session(&client).await.unwrap();
    tokio::select! {
        fetched = fetch(&mut session, "f") => panic!("{fetched:?}"),
        () = until(&pool, |now| now.bytes_received == 3) => {}
    }
    // Given back in the middle of something, it is no better than dropped.
    session.give_back().await;
    assert_eq!((pool.statistics().open, pool.statistics().idle, pool.statistics().thrown_away), (0, 0, 1));
    delete(&pool, &client, "b").await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_session_that_is_not_at_home_is_not_kept() {
    let server = play(
        "C: FEAT\nS: 500 no\nC: PWD\nS: 257 \"/\"\nC: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{port}|)\nC: LIST\nS: 150 here
        D: open\nD: close\nS: 226 done\nC: CWD /\nS: 550 not any more\nT: eof\n---\nC: DELE b\nS: 250 ok",
    )
    .await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    let mut session = pool.session(&client).await.unwrap();
    names(&mut session, "in").await.unwrap_err();
    session.give_back().await;
    assert_eq!(pool.statistics().open, 0);
    delete(&pool, &client, "b").await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn what_one_session_learns_the_others_know() {
    let listing = "C: FEAT\nS: 500 no\nC: PWD\nS: 257 \"/\"\nC: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{port}|)\nC: LIST\nS: 150 here
        D> -rw-r--r-- 1 u g 5 Jan  1  2024 gr\\xf6\\xdfe\\r\\n\nD: close\nS: 226 done\nC: CWD /\nS: 250 ok\n";
    let server = play(&format!("C: DELE a\nS: 250 ok\n---\n{listing}")).await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    let (mut first, mut second) =
        (pool.session(&client).await.unwrap(), pool.session(&client).await.unwrap());
    first.delete(&path("a")).await.unwrap();
    names(&mut second, "in").await.unwrap();
    assert_eq!((first.charset(), second.charset()), (Charset::Utf8, Charset::Windows1252));
    second.give_back().await;
    first.give_back().await;
    // The first one comes back first.
    let first = pool.session(&client).await.unwrap();
    assert_eq!(first.charset(), Charset::Windows1252);
    assert_eq!(client.path("größe").unwrap().as_bytes(), b"gr\xf6\xdfe");
    server.finish().await;
}

#[tokio::test]
async fn a_session_that_nobody_came_back_for_says_good_bye() {
    let server = play("C: DELE a\nS: 250 ok\nC: QUIT\nT: eof").await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "a").await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    server.finish().await;
    until(&pool, |now| now.open == 0).await;
    assert_eq!(pool.statistics().thrown_away, 0);
}

#[tokio::test]
async fn nothing_of_a_pool_outlives_it() {
    let server = play("C: DELE a\nS: 250 ok\nT: eof").await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "a").await.unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks(), 1, "somebody has to look after the idle session");
    drop(pool);
    server.finish().await;
    while tasks() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_has_to_answer_after_it_was_idle_for_long() {
    let server = play("C: DELE a\nS: 250 ok\nC: NOOP\nS: 200 here\nC: DELE b\nS: 250 ok").await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    delete(&pool, &client, "a").await.unwrap();
    idle_for(Duration::from_secs(6)).await;
    delete(&pool, &client, "b").await.unwrap();
    server.finish().await;
    assert_eq!(logins(&server), 1);
}

#[tokio::test]
async fn one_that_does_not_answer_then_is_replaced() {
    for silence in ["T: hang", "S: 421 bye", "S: 530 log in"] {
        let server =
            play(&format!("C: DELE a\nS: 250 ok\nC: NOOP\n{silence}\n---\nC: DELE b\nS: 250 ok")).await;
        let (pool, client) = pool(PoolLimits::default(), impatient(config(&server)));
        delete(&pool, &client, "a").await.unwrap();
        idle_for(Duration::from_secs(6)).await;
        delete(&pool, &client, "b").await.unwrap();
        assert_eq!((logins(&server), pool.statistics().thrown_away), (2, 1), "{silence}");
    }
}

#[tokio::test]
async fn an_old_session_is_not_kept() {
    let server = play("C: DELE a\nS: 250 ok\nC: QUIT\nT: eof").await;
    let (pool, client) = pool(PoolLimits::default(), persistent(&server));
    let mut session = pool.session(&client).await.unwrap();
    session.delete(&path("a")).await.unwrap();
    idle_for(Duration::from_mins(20)).await;
    session.give_back().await;
    server.finish().await;
    assert_eq!(pool.statistics().open, 0);
}

/// Lets the clock jump.
async fn idle_for(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
