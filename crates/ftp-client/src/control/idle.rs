//! Whether a control connection that nobody used for a while still is one. A server that was restarted, or had waited long
//! enough, tells nobody, or says so unasked.

use std::time::Duration;

use ftp_proto::{Code, Command, Severity};
use tokio::io::AsyncReadExt as _;

use super::Control;
use crate::socket::{self, Sight};

/// How long bytes that have arrived may take to be read.
const OVERHEARING: Duration = Duration::from_millis(100);

/// How long a server may take to answer a NOOP. Whoever waits for it has something else to do, and a new login takes no
/// longer.
const ANSWERING: Duration = Duration::from_secs(3);

impl Control {
    /// Whether the connection, idle until now, is still one, as far as that can be told without a word. What came unasked
    /// meanwhile is taken, and ends the connection if it is a reply. With `ask` the server has to answer a NOOP as well.
    pub(crate) async fn has_lasted(&mut self, ask: bool) -> bool {
        let ask = match socket::look(self.stream.tcp()) {
            Sight::End => return false,
            Sight::Bytes => {
                self.overhear().await;
                true
            }
            Sight::Quiet => ask,
        };
        self.is_proven = false;
        if !self.is_idle() || self.refuse_unasked_replies().is_err() {
            return false;
        }
        !ask || self.answers().await && self.is_quiet()
    }

    /// Whether no command is under way and no byte of the server's is left over.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_idle() && self.decoder.is_empty()
    }

    /// Whether the server has answered since [`Control::has_lasted`] was asked.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Reads what has arrived already. Over TLS that may be a ticket or another word of its own, of which nothing is left
    /// to read then.
    async fn overhear(&mut self) {
        let read = tokio::time::timeout(OVERHEARING, self.stream.read(&mut self.block)).await;
        match read {
            Ok(Ok(read @ 1..)) => self.decoder.push(&self.block[..read]),
            Ok(Ok(0) | Err(_)) => self.poison(),
            Err(_) => {}
        }
    }

    /// Whether the server answers a NOOP soon. One that does not know the command is there as well.
    async fn answers(&mut self) -> bool {
        if self.send(&Command::Noop).await.is_err() {
            return false;
        }
        match self.reply(self.limit.min(ANSWERING)).await {
            Ok(reply) => {
                reply.severity() == Severity::Completion
                    || matches!(reply.code(), Code::UNKNOWN_COMMAND | Code::NOT_IMPLEMENTED)
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use ftp_proto::Argument;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::Instant;

    use super::*;
    use crate::secret::Secret;
    use crate::stream::Stream;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A connection on which nothing is under way, and the server's end of it.
    async fn idle() -> (Control, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let password = Secret::new(Argument::parse("canary").unwrap());
        let mut control = Control::new(Stream::Plain(tcp), PATIENCE, &password).unwrap();
        server.write_all(b"220 ready\r\n").await.unwrap();
        control.greeting().await.unwrap();
        (control, server)
    }

    /// Waits until there is something to see.
    async fn arrived(control: &Control) {
        while socket::look(control.stream.tcp()) == Sight::Quiet {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_silent_connection_lasts_and_is_not_asked() {
        let (mut control, server) = idle().await;
        assert!(control.has_lasted(false).await);
        assert!(!control.is_proven());
        assert_eq!(socket::look(&server), Sight::Quiet);
    }

    #[tokio::test]
    async fn one_that_was_closed_is_seen_to_be() {
        let (mut control, server) = idle().await;
        drop(server);
        arrived(&control).await;
        assert!(!control.has_lasted(false).await);
    }

    #[tokio::test]
    async fn what_came_unasked_is_never_the_answer_to_the_noop() {
        for unasked in ["421 you were idle\r\n", "250 what\r\n", "250-half", "\r\n", "what?\r\n"] {
            let (mut control, mut server) = idle().await;
            server.write_all(unasked.as_bytes()).await.unwrap();
            arrived(&control).await;
            assert!(!control.has_lasted(true).await, "{unasked:?}");
            assert_eq!(socket::look(&server), Sight::Quiet, "{unasked:?}: nothing is asked any more");
        }
    }

    #[tokio::test]
    async fn a_noop_decides_where_it_is_asked_and_where_words_came_that_end_nothing() {
        let table = [
            ("", "200 ok", true),
            ("", "500 unknown", true),
            ("", "502 unknown", true),
            ("", "530 log in", false),
            ("", "421 bye", false),
            ("", "200 ok\r\n200 again", false),
            ("150 one too many\r\n", "200 ok", true),
        ];
        for (unasked, answer, lasts) in table {
            let (mut control, mut server) = idle().await;
            server.write_all(unasked.as_bytes()).await.unwrap();
            if !unasked.is_empty() {
                arrived(&control).await;
            }
            let answering = async {
                let mut noop = [0; 6];
                server.read_exact(&mut noop).await.unwrap();
                assert_eq!(&noop, b"NOOP\r\n");
                server.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            };
            let (lasted, ()) = tokio::join!(control.has_lasted(unasked.is_empty()), answering);
            assert_eq!(lasted, lasts, "{unasked:?} {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_a_noop_is_not_waited_for() {
        let (mut control, _server) = idle().await;
        tokio::time::pause();
        let asked = Instant::now();
        assert!(!control.has_lasted(true).await);
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
        assert!(!control.is_idle());
    }
}
