//! One FTP session over tokio and rustls: connect, log in, list, look up, fetch, put, delete.
//!
//! Built for servers that belong to somebody else. Every wait has a limit, every buffer a bound; a password travels only
//! as protected as it was asked to be; and a reply is only ever taken for the answer to its own command.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ftp_client::{Client, Config, Credentials};
//! use ftp_proto::RemotePath;
//!
//! let client = Client::new(Config::new("ftp.example.org", Credentials::parse("user", "password")?))?;
//! let mut session = client.connect().await?;
//! let mut download = session.download(&RemotePath::parse("reports/today.csv")?).await?;
//! let mut block = vec![0; 256 * 1024];
//! loop {
//!     match download.read(&mut block).await? {
//!         0 => break, // all of it, confirmed by the server
//!         read => println!("{read} bytes"),
//!     }
//! }
//! session.quit().await;
//! # Ok(())
//! # }
//! ```

mod allow;
mod config;
mod connect;
mod control;
mod counters;
mod data;
mod diagnosis;
mod dial;
mod echo;
mod encoding;
mod error;
mod greeting;
mod limits;
mod pool;
mod proxy;
mod retry;
mod secret;
mod session;
mod socket;
mod stream;
mod tls;
mod wait;

pub use allow::{AllowList, HostPattern, HostPatternError};
pub use config::{Config, Credentials, CredentialsError, DataMode, TlsConfig, TlsMode};
pub use connect::Client;
pub use control::WIRE;
pub use diagnosis::{Diagnosis, Finding, Remark, Step, Verdict};
pub use encoding::{Encoding, UnknownEncoding};
pub use error::{Channel, ConnectFault, DataFault, Error, LostCause, ProtocolFault, TlsFault, Wait};
pub use limits::Limits;
pub use pool::{Pool, PoolLimits, PoolStatistics, Pooled};
pub use proxy::{Proxy, ProxyError, ProxyFault};
pub use retry::{Retries, Tries};
pub use secret::Secret;
pub use session::{Before, Download, Listing, Session, Unrecognized, Upload};
pub use tls::{CertificateFacts, CertificateFlaw, Protection, SessionReuse, Verification, VerificationError};
