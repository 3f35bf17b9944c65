//! Servers that want to hurt: flood, drip, lie, confuse, or never answer. A row is a short transcript, what the client
//! is asked to do with it, and how that has to end.
//!
//! A client is played against all of [`HostileServer::all`], each within [`HostileServer::TIME`] and
//! [`HostileServer::MEMORY`]. That the server's script was kept ([`ScriptedServer::finish`]) is part of a row: it says
//! which commands the client may still send, and that it leaves where it has to.

mod commands;
mod data;
mod download;
mod greeting;
mod listing;
mod login;
mod protection;
mod routes;
mod upload;

use std::time::Duration;

use crate::transcript::{ScriptedServer, Transcript};

/// One server that wants to hurt its client.
#[derive(Debug, Clone)]
pub struct HostileServer {
    name: &'static str,
    operation: Operation,
    ending: Ending,
    script: String,
    security: Security,
    active: bool,
    silent: bool,
}

/// What a client is asked to do, as user `user` with the password [`HostileServer::PASSWORD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Connect and log in.
    Connect,
    /// List the folder `in`. Gives the names and the unreadable lines as [`Ending::Gives`] says.
    List,
    /// Get the folder `in` as LIST prints it. Gives the text.
    ListText,
    /// Download the file `f`. Gives its bytes.
    Download,
    /// Upload `hello` as the file `f`. Gives nothing.
    Upload,
    /// Upload 32 MiB as the file `f`: more than any socket takes by itself. Gives nothing.
    UploadLarge,
    /// Look the file `f` up. Gives `file` and its size, or `none`.
    Stat,
    /// Delete the file `f`, then the file `g`. Gives nothing.
    Delete,
    /// Rename the file `f` to `g`. Gives nothing.
    Rename,
}

/// What protection a client asks for. It trusts the server's authority and nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// None.
    Off,
    /// TLS after AUTH TLS.
    Explicit,
    /// TLS from the first byte.
    Implicit,
}

/// How an operation has to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It succeeds, and this is the result: bytes and names escaped like Rust's byte strings, names one on a line, and
    /// after them `?` with the number of lines that could not be read, if there were any.
    Gives(String),
    /// It fails, and this is where the fault has to be seen.
    Fails(Fault),
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No FTP server took the connection.
    Connect,
    /// What answered is no FTP server.
    NotFtp,
    /// The connection is not as protected as it has to be.
    Tls,
    /// The login was refused.
    Login,
    /// The server refused a command.
    Refused,
    /// The server broke the protocol.
    Protocol,
    /// The transfer failed or is not whole.
    Data,
    /// A wait took too long.
    Timeout,
    /// The control connection is gone, or out of step.
    Lost,
}

impl HostileServer {
    /// The longest that an operation may take.
    pub const TIME: Duration = Duration::from_secs(8);

    /// By how many bytes the heap may grow at most, client and server together.
    pub const MEMORY: usize = 50 * 1000 * 1000;

    /// The client's password, which no error may show.
    pub const PASSWORD: &str = "canary-5d1f";

    /// Every one there is, sorted by what is attacked.
    pub fn all() -> Vec<Self> {
        [
            greeting::servers(),
            login::servers(),
            protection::servers(),
            commands::servers(),
            routes::servers(),
            data::servers(),
            download::servers(),
            listing::servers(),
            upload::servers(),
        ]
        .concat()
    }

    fn new(name: &'static str, operation: Operation, ending: Ending, script: impl Into<String>) -> Self {
        let silent = ending == Ending::Fails(Fault::Timeout);
        Self {
            name,
            operation,
            ending,
            script: script.into(),
            security: Security::Off,
            active: false,
            silent,
        }
    }

    /// With this before its script.
    fn after(mut self, beginning: &str) -> Self {
        self.script.insert_str(0, beginning);
        self
    }

    /// For a client that asks for this protection.
    fn with(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// For a client in active mode.
    fn active(self) -> Self {
        Self { active: true, ..self }
    }

    /// Stays silent somewhere although the operation does not end with a timeout.
    fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// What it does, in words.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the client is asked to do.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// How that has to end.
    pub fn ending(&self) -> &Ending {
        &self.ending
    }

    /// What protection the client asks for.
    pub fn security(&self) -> Security {
        self.security
    }

    /// Whether the client prefers active mode.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Whether it stays silent somewhere, so that the client has to wait until its timeout.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// How long the client may wait for anything: short where the server says nothing on purpose, else long enough for
    /// a busy machine.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(if self.silent { 700 } else { 5000 })
    }

    /// Starts it on a free port.
    pub async fn start(&self) -> ScriptedServer {
        Transcript::parse(&self.script).start().await
    }
}

fn gives(result: &str) -> Ending {
    Ending::Gives(result.to_owned())
}

fn fails(fault: Fault) -> Ending {
    Ending::Fails(fault)
}

/// Up to the login's end.
const LOGIN: &str =
    "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary-5d1f\nS: 230 in\nC: TYPE I\nS: 200 ok\n";

/// Up to the end of a login with TLS.
const SECURE_LOGIN: &str =
    "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary-5d1f
    S: 230 in\nC: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok\n";

/// A data connection by EPSV.
const EPSV: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

/// The announced size of the file `f`.
const SIZE: &str = "C: SIZE f\nS: 213 5\n";

/// Up to where the data of the file `f` flows.
const DOWNLOAD: &str = "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";

/// Up to where the data of the file `f` is expected.
const UPLOAD: &str = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 go\n";

/// Up to where a LIST of the folder `in` flows.
const LIST: &str =
    "C: FEAT\nS: 500 what\nC: PWD\nS: 257 \"/home\"\nC: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{port}|)
    C: LIST\nS: 150 here\n";

/// Up to where an MLSD of the folder `in` flows.
const MLSD: &str =
    "C: FEAT\nS: 211-features\nS:  MLST type*;size*;modify*;\nS: 211 end\nC: EPSV\nS: 229 (|||{port}|)
    C: MLSD in\nS: 150 here\n";

/// The end of a LIST that is whole.
const LISTED: &str = "\nD: close\nS: 226 done\nC: CWD /home\nS: 250 ok";

/// The end of an MLSD, or of a download, that is whole.
const SENT: &str = "\nD: close\nS: 226 done";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_many_and_each_has_a_name_of_its_own() {
        let all = HostileServer::all();
        let names: BTreeSet<_> = all.iter().map(HostileServer::name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.len() >= 60, "only {}", all.len());
    }

    #[test]
    fn every_script_can_be_read_and_logs_in_as_the_client_is_told_to() {
        assert!(LOGIN.contains(HostileServer::PASSWORD) && SECURE_LOGIN.contains(HostileServer::PASSWORD));
        for server in HostileServer::all() {
            let _ = Transcript::parse(&server.script);
        }
    }
}
