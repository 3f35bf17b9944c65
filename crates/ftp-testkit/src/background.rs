//! One runtime for every in-process server, apart from the test's own.
//!
//! A test may block its thread (it runs a program and waits for it) or pause its clock; the servers it talks
//! to must neither stall nor see their deadlines jump.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("ftp-testkit")
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime for the test servers: {error}"))
});

/// The runtime on which the servers of this process run; it ends with the process.
pub(crate) fn runtime() -> &'static Handle {
    RUNTIME.handle()
}
