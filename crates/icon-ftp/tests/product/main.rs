//! The program as the platform runs it: a start message on stdin, an event on stdout, real servers behind it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test states its expectations by unwrapping")]

mod bad_input;
mod canary;
mod connection_test;
mod cut_networks;
mod cuts;
#[cfg(feature = "demo")]
mod demo;
#[cfg(unix)] // Elsewhere files may be as large as they like.
mod file_size_limit;
mod golden;
mod help;
mod http;
mod long_session;
mod ls;
mod matrix;
mod monitor;
#[cfg(target_os = "linux")] // Other systems' file systems do not hold any bytes as names.
mod names;
mod persistence;
mod pooled;
mod process;
mod proxy;
mod reach;
#[cfg(target_os = "linux")] // Elsewhere nobody mounts a disk for himself.
mod small_disk;
#[cfg(target_os = "linux")]
mod spool;
mod tls;
mod vanished;
