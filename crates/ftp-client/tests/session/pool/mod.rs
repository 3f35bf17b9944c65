//! Sessions that serve one after the other, and the limits of how many there are.

mod ended;
mod kept;
mod room;

use ftp_client::{Client, Config, Error, Pool, PoolLimits, PoolStatistics, Pooled};
use ftp_testkit::ScriptedServer;

use crate::path;

/// A pool, and a client of it with this configuration.
fn pool(limits: PoolLimits, config: Config) -> (Pool, Client) {
    let pool = Pool::new(limits);
    let client = pool.client(config).unwrap();
    (pool, client)
}

/// At most so many sessions on one host.
fn at_most(sessions_per_host: usize) -> PoolLimits {
    PoolLimits { sessions_per_host, ..PoolLimits::default() }
}

/// Deletes a file with a session of the pool, and gives that back.
async fn delete(pool: &Pool, client: &Client, name: &str) -> Result<(), Error> {
    let mut session = pool.session(client).await?;
    let deleted = session.delete(&path(name)).await;
    session.give_back().await;
    deleted
}

/// How often somebody has logged in.
fn logins(server: &ScriptedServer) -> usize {
    server.received().iter().filter(|line| line.starts_with("PASS")).count()
}

/// Lets everybody else go on until `there` is true of the pool; the test's own deadline ends a wait in vain.
async fn until(pool: &Pool, there: impl Fn(PoolStatistics) -> bool) {
    while !there(pool.statistics()) {
        tokio::task::yield_now().await;
    }
}

/// Begins a step that asks the pool for a session and hands it out.
fn ask(pool: &Pool, client: &Client) -> tokio::task::JoinHandle<Result<Pooled, Error>> {
    let (pool, client) = (pool.clone(), client.clone());
    tokio::spawn(async move { pool.session(&client).await })
}
