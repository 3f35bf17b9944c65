//! Limits of how many sessions there are: the pool's own, and the server's.

use std::time::Duration;

use ftp_client::{Config, Error, PoolLimits, Wait};
use ftp_testkit::Transcript;

use super::{ask, at_most, delete, logins, pool, until};
use crate::{LOGIN, config, path, persistent, play};

#[tokio::test]
async fn whoever_is_one_too_many_waits_and_is_served_in_order() {
    let server = play("C: DELE 1\nS: 250 ok\nC: DELE 2\nS: 250 ok\nC: DELE 3\nS: 250 ok").await;
    let (pool, client) = pool(at_most(1), config(&server));
    let mut first = pool.session(&client).await.unwrap();
    let second = ask(&pool, &client);
    until(&pool, |now| now.waiting == 1).await;
    let third = ask(&pool, &client);
    until(&pool, |now| now.waiting == 2).await;

    first.delete(&path("1")).await.unwrap();
    first.give_back().await;
    let mut second = second.await.unwrap().unwrap();
    assert!(!third.is_finished());
    second.delete(&path("2")).await.unwrap();
    second.give_back().await;
    third.await.unwrap().unwrap().delete(&path("3")).await.unwrap();
    server.finish().await;
    assert_eq!(logins(&server), 1);
}

#[tokio::test]
async fn a_session_that_is_dropped_makes_room_as_well() {
    let server = play("T: eof\n---\nC: DELE 2\nS: 250 ok").await;
    let (pool, client) = pool(at_most(1), config(&server));
    let first = pool.session(&client).await.unwrap();
    let second = ask(&pool, &client);
    until(&pool, |now| now.waiting == 1).await;
    drop(first);
    second.await.unwrap().unwrap().delete(&path("2")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_login_that_fails_makes_room_as_well() {
    let refused = "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 530 no\n";
    let server = Transcript::parse(&format!("{refused}---\n{refused}")).start().await;
    let (pool, client) = pool(at_most(1), config(&server));
    for _ in 0..2 {
        let error = pool.session(&client).await.unwrap_err();
        assert!(matches!(error, Error::Login(_)), "{error:?}");
    }
    server.finish().await;
    assert_eq!(pool.statistics().open, 0);
}

#[tokio::test]
async fn one_who_waits_no_more_is_not_waited_for() {
    let server = play("C: DELE 3\nS: 250 ok").await;
    let (pool, client) = pool(at_most(1), config(&server));
    let first = pool.session(&client).await.unwrap();
    let second = ask(&pool, &client);
    until(&pool, |now| now.waiting == 1).await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    assert_eq!(pool.statistics().waiting, 0);
    first.give_back().await;
    delete(&pool, &client, "3").await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn waiting_has_an_end() {
    let server = play("").await;
    let wait = Duration::from_millis(20);
    let (pool, client) = pool(PoolLimits { wait, ..at_most(1) }, config(&server));
    let _first = pool.session(&client).await.unwrap();
    let error = pool.session(&client).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { wait: Wait::Session, after } if after == wait), "{error:?}");
    assert_eq!(pool.statistics().waiting, 0);
}

#[tokio::test]
async fn idle_sessions_of_other_logins_give_way() {
    for limits in [at_most(1), PoolLimits { sessions: 1, ..PoolLimits::default() }] {
        let server = play("C: DELE a\nS: 250 ok\nC: QUIT\nT: eof\n---\nC: DELE b\nS: 250 ok").await;
        let (pool, client) = pool(limits, config(&server));
        delete(&pool, &client, "a").await.unwrap();
        let other = pool.client(Config { timeout: Duration::from_secs(6), ..config(&server) }).unwrap();
        delete(&pool, &other, "b").await.unwrap();
        server.finish().await;
        assert_eq!((pool.statistics().open, pool.statistics().thrown_away), (1, 0));
    }
}

const FULL: [&str; 3] = [
    "S: 421 too many connections from your address\n",
    "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 530 Sorry, the maximum number of clients (1) are connected\n",
    "S: 220 hi\nC: USER user\nS: 421 too many users\n",
];

#[tokio::test]
async fn a_server_that_is_full_makes_us_wait_for_one_of_our_own() {
    for full in FULL {
        let deletions = "C: DELE 1\nS: 250 ok\nC: DELE 2\nS: 250 ok\nC: DELE 3\nS: 250 ok\n";
        let server = Transcript::parse(&format!("{LOGIN}{deletions}---\n{full}")).start().await;
        let (pool, client) = pool(PoolLimits::default(), config(&server));
        let mut first = pool.session(&client).await.unwrap();
        let second = ask(&pool, &client);
        until(&pool, |now| now.waiting == 1 && now.open == 1).await;
        // What the server allows is known now: nobody else is turned away.
        let third = ask(&pool, &client);
        until(&pool, |now| now.waiting == 2).await;

        first.delete(&path("1")).await.unwrap();
        first.give_back().await;
        let mut second = second.await.unwrap().unwrap();
        second.delete(&path("2")).await.unwrap();
        second.give_back().await;
        third.await.unwrap().unwrap().delete(&path("3")).await.unwrap();
        server.finish().await;
        assert_eq!(pool.statistics().logins, 1, "{full}");
    }
}

#[tokio::test]
async fn a_server_that_was_full_is_asked_again_after_a_while() {
    let server = Transcript::parse(&format!(
        "{LOGIN}C: DELE 1\nS: 250 ok\n---\n{}---\n{LOGIN}C: DELE 2\nS: 250 ok\n",
        FULL[0]
    ))
    .start()
    .await;
    let (pool, client) = pool(PoolLimits::default(), config(&server));
    let mut first = pool.session(&client).await.unwrap();
    let second = ask(&pool, &client);
    until(&pool, |now| now.waiting == 1 && now.open == 1).await;
    // Whoever waits looks now and then: nobody gives anything back here.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    let mut second = second.await.unwrap().unwrap();
    first.delete(&path("1")).await.unwrap();
    second.delete(&path("2")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_is_full_of_others_is_tried_again_as_ever() {
    let server = Transcript::parse(&format!("{}---\n{LOGIN}C: DELE 1\nS: 250 ok", FULL[0])).start().await;
    let (pool, client) = pool(PoolLimits::default(), persistent(&server));
    delete(&pool, &client, "1").await.unwrap();
    server.finish().await;
    assert_eq!(pool.statistics().retries, 1);

    let server = Transcript::parse(FULL[0]).start().await;
    let (pool, client) = super::pool(PoolLimits::default(), config(&server));
    let error = pool.session(&client).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert_eq!(pool.statistics().open, 0);
    server.finish().await;
}
