//! Delivers a trigger's events to the platform: each at least once, and none ever given up.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Body, Client, RequestBuilder, Url};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::store::Pending;
use crate::streamed::Streamed;

/// The pause after the first failed attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// No pause is longer, whatever the other side asks for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long a connection may take, and an attempt as a whole before its size is counted.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An attempt has one more second for each of so many bytes (1 MiB).
const BYTES_PER_SECOND: u64 = 1 << 20;

/// POSTs events to one URL.
///
/// An event is delivered when it was sent whole and the answer is 2xx. Anything else, redirects included, is tried again
/// with the same bytes after a growing pause. Over HTTPS the server must have a certificate that the machine trusts;
/// `SSL_CERT_FILE` names another set of authorities.
pub(crate) struct Dispatcher {
    url: Url,
    client: OnceLock<Client>,
    first_pause: Duration,
}

/// Why an attempt failed.
struct Refusal {
    reason: String,
    retry_after: Option<Duration>,
}

impl Dispatcher {
    /// A dispatcher for `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// The text is not an `http` or `https` URL.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let refused = |cause: String| {
            Failure::message(cause).with_assistance(
                "The start message must give the URL that takes the trigger's events. With --debug they go to stdout.",
            )
        };
        if url.is_empty() {
            return Err(refused("\"dispatcher.url\" is missing from input message".to_owned()));
        }
        let url =
            Url::parse(url).map_err(|error| refused(format!("\"dispatcher.url\" is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(format!("\"dispatcher.url\" must be http or https, not {}", url.scheme())));
        }
        Ok(Self { url, client: OnceLock::new(), first_pause: FIRST_PAUSE })
    }

    /// Delivers one event, however long that takes, and tells `refused` why an attempt failed. Safe to cancel: the
    /// event may then arrive or not.
    ///
    /// # Errors
    /// No attempt can be made at all, because this machine's TLS is not usable, or the event cannot be read.
    pub(crate) async fn deliver(&self, event: &Pending, refused: impl Fn(&str)) -> Result<(), Failure> {
        let client = self.client()?;
        let mut pause = self.first_pause;
        loop {
            let Err(refusal) = self.attempt(client, event).await? else { return Ok(()) };
            let wait = wait(refusal.retry_after, jittered(pause));
            let what = format!("The event was not delivered to {}: {}", self.shown_url(), refusal.reason);
            tracing::warn!("{what}. Next attempt in {:.1} s", wait.as_secs_f64());
            refused(&what);
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Sends the event once, reading it from the store while it is sent.
    async fn attempt(&self, client: &Client, event: &Pending) -> Result<Result<(), Refusal>, Failure> {
        let (blocks, body) = Streamed::new(event.len());
        let taken = body.taken();
        let request = client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(TIMEOUT + Duration::from_secs(event.len() / BYTES_PER_SECOND))
            .body(Body::wrap(body));
        // Most events are one part, and go out together with the head.
        give(event, 0..1, &blocks).await?;
        let mut posting = pin!(post(request));
        let answered = tokio::select! {
            given = give(event, 1..event.parts(), &blocks) => {
                given?;
                posting.await
            }
            answered = &mut posting => answered,
        };
        Ok(answered.and_then(|()| if taken.is_whole() { Ok(()) } else { Err(Refusal::too_early()) }))
    }

    /// The URL without its user, password and query, any of which may be a secret.
    fn shown_url(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = self.url.host_str().unwrap_or_default();
        format!("{}://{host}{port}{}", self.url.scheme(), self.url.path())
    }

    /// The client is made with the first event: reading the machine's certificates takes time, and most starts of
    /// a trigger have nothing to send.
    fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls(self.url.scheme() == "https")?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dispatcher({})", self.shown_url())
    }
}

impl Refusal {
    /// Whoever takes an event without having seen all of it may not have kept it either.
    fn too_early() -> Self {
        Self { reason: "the answer came before the event was sent whole".to_owned(), retry_after: None }
    }
}

/// Gives parts of the event to whoever sends it. Once nobody takes them any more it waits: why that is, the answer tells.
///
/// # Errors
/// The event cannot be read.
async fn give(
    event: &Pending,
    parts: Range<u64>,
    to: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Failure> {
    for number in parts {
        let part = event.part(number).await?;
        if to.send(Ok(part.into())).await.is_err() {
            return std::future::pending().await;
        }
    }
    Ok(())
}

async fn post(request: RequestBuilder) -> Result<(), Refusal> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Err(Refusal { reason: chain(&error.without_url()), retry_after: None }),
    };
    if response.status().is_success() {
        return Ok(());
    }
    // Only the form in seconds; a date would need the other side's clock to be right.
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Err(Refusal {
        reason: format!("the answer was {}", response.status()),
        retry_after: retry_after.map(Duration::from_secs),
    })
}

/// The longer of what the other side asks for and the growing pause: one that asks for no time at all, and refuses
/// again and again, is not flooded.
fn wait(retry_after: Option<Duration>, pause: Duration) -> Duration {
    retry_after.unwrap_or_default().max(pause).min(LONGEST_PAUSE)
}

/// Between half the pause and the whole, so that many triggers do not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// An error with its sources: reqwest's own text says only that something failed.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// rustls with ring. Trusted roots are loaded only where a certificate will be checked.
fn tls(with_roots: bool) -> Result<rustls::ClientConfig, Failure> {
    let mut roots = rustls::RootCertStore::empty();
    if with_roots {
        // Honours SSL_CERT_FILE and SSL_CERT_DIR.
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::warn!("Trusted certificates: {error}");
        }
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            tracing::warn!("No trusted certificates were found on this machine; the built-in ones are used");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn unusable(error: &dyn fmt::Display) -> Failure {
    Failure::internal(
        format!("Events cannot be sent: {error}"),
        "This is a fault of the plugin or of the machine it runs on. Report it with the log of this step.",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use expect_test::expect;

    use super::*;
    use crate::collector::{Collector, REFUSED, Request, TAKEN, TAKEN_UNSEEN, TOO_LARGE};
    use crate::content::testing::in_file;
    use crate::log::StepLog;
    use crate::log::testing::{capture, captured};
    use crate::store::Store;

    const SECRET: &str = "s3cret";
    const DOWN: &str = "";
    const GONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const LATER: &str =
        "HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

    /// An event of this output, as it waits in the outbox.
    async fn waiting(output: impl serde::Serialize + Send + 'static) -> Pending {
        let store = Store::unnamed().unwrap();
        store.commit(&(), vec![output]).await.unwrap();
        store.oldest().await.unwrap().unwrap()
    }

    fn text(event: &Pending) -> String {
        io::read_to_string(event.reader()).unwrap()
    }

    fn dispatcher(url: &str) -> Dispatcher {
        Dispatcher { first_pause: Duration::from_millis(1), ..Dispatcher::parse(url).unwrap() }
    }

    #[tokio::test]
    async fn the_same_bytes_are_sent_until_they_are_taken() {
        let _guard = capture(false);
        let log = StepLog::new();
        let answers = |number| [DOWN, REFUSED, GONE, MOVED, LATER, TAKEN][number];
        let mut collector = Collector::start(answers).await;
        let event = waiting("x").await;
        let url = format!("http://user:{SECRET}@{}/events?token={SECRET}", collector.address);
        let delivery = dispatcher(&url);
        let refused = Mutex::new(Vec::new());
        let delivering = delivery.deliver(&event, |what| refused.lock().unwrap().push(what.to_owned()));
        tracing::Instrument::instrument(delivering, log.span("s")).await.unwrap();
        let refused = refused.into_inner().unwrap();
        assert_eq!(refused.len(), 5, "{refused:?}");
        assert!(refused[1].ends_with("/events: the answer was 500 Internal Server Error"), "{refused:?}");
        for _ in 0..6 {
            let Request { head, body } = collector.next().await;
            assert!(head.starts_with("post /events?token=s3cret http/1.1"), "{head}");
            assert!(head.contains("content-type: application/json"), "{head}");
            assert_eq!(body, text(&event));
        }
        let log = log.take();
        assert_eq!(log.lines().count(), 5, "{log}");
        assert!(log.contains("the answer was 500 Internal Server Error. Next attempt in 0.0 s"), "{log}");
        assert!(log.contains("/events: ") && !captured().contains(SECRET), "{}", captured());
    }

    #[tokio::test]
    async fn a_large_event_is_sent_with_its_length_and_the_same_bytes_at_every_attempt() {
        let _guard = capture(false);
        let mut collector = Collector::start(|number| [REFUSED, DOWN, TAKEN][number]).await;
        let event = waiting(in_file(&vec![7; 2 << 20])).await;
        assert!(event.parts() > 20);
        let url = format!("http://{}/", collector.address);
        dispatcher(&url).deliver(&event, |_| ()).await.unwrap();
        let expected = text(&event);
        for _ in 0..3 {
            let Request { head, body } = collector.next().await;
            assert!(head.contains(&format!("content-length: {}\r\n", event.len())), "{head}");
            assert!(!head.contains("transfer-encoding"), "{head}");
            assert!(body == expected);
        }
    }

    #[tokio::test]
    async fn an_answer_before_the_whole_event_was_sent_is_a_refusal_even_if_it_says_yes() {
        let _guard = capture(false);
        let collector = Collector::start(|number| [TOO_LARGE, TAKEN_UNSEEN, TAKEN][number]).await;
        // More than sockets buffer.
        let event = waiting(in_file(&vec![7; 24 << 20])).await;
        let url = format!("http://{}/", collector.address);
        let refused = Mutex::new(Vec::new());
        let keep = |what: &str| refused.lock().unwrap().push(what.to_owned());
        dispatcher(&url).deliver(&event, keep).await.unwrap();
        let refused = refused.into_inner().unwrap();
        let [too_large, unseen] = refused.as_slice() else { panic!("{refused:?}") };
        assert!(too_large.ends_with("/: the answer was 413 Payload Too Large"), "{too_large}");
        assert!(unseen.ends_with("/: the answer came before the event was sent whole"), "{unseen}");
    }

    #[tokio::test]
    async fn an_event_that_cannot_be_read_is_no_refusal() {
        let collector = Collector::start(|_| DOWN).await;
        let event = waiting(in_file(&vec![7; 2 << 20])).await;
        event.lose_part(3).await;
        let url = format!("http://{}/", collector.address);
        let failure = dispatcher(&url).deliver(&event, |what| panic!("{what}")).await.unwrap_err();
        assert!(failure.cause().ends_with("an event is not there as a whole"), "{failure}");
    }

    #[test]
    fn a_url_that_is_none_is_refused_before_anything_is_sent() {
        let rows = [
            ("", "\"dispatcher.url\" is missing from input message"),
            ("host:80", "\"dispatcher.url\" must be http or https, not host"),
            ("/events", "\"dispatcher.url\" is not a URL: relative URL without a base"),
            ("ftp://h/", "\"dispatcher.url\" must be http or https, not ftp"),
        ];
        for (url, cause) in rows {
            assert_eq!(Dispatcher::parse(url).unwrap_err().cause(), cause, "{url}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let dispatcher = dispatcher(&format!("https://user:{SECRET}@host:8443/events?token={SECRET}"));
        expect!["Dispatcher(https://host:8443/events)"].assert_eq(&format!("{dispatcher:?}"));
    }

    #[test]
    fn retry_after_zero_does_not_end_the_pauses() {
        let second = Duration::from_secs;
        let rows = [
            (None, second(2), second(2)),
            (Some(0), second(2), second(2)),
            (Some(1), second(2), second(2)),
            (Some(30), second(2), second(30)),
            (Some(u64::MAX), second(2), LONGEST_PAUSE),
            (Some(0), LONGEST_PAUSE, LONGEST_PAUSE),
        ];
        for (retry_after, pause, expected) in rows {
            assert_eq!(wait(retry_after.map(second), pause), expected, "{retry_after:?} {pause:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_with_retry_after_zero_is_not_flooded() {
        let _guard = capture(false);
        let log = StepLog::new();
        let collector = Collector::start(|number| [LATER, LATER, TAKEN][number]).await;
        let url = format!("http://{}/", collector.address);
        let dispatcher =
            Dispatcher { first_pause: Duration::from_millis(400), ..Dispatcher::parse(&url).unwrap() };
        let event = waiting(1).await;
        tracing::Instrument::instrument(dispatcher.deliver(&event, |_| ()), log.span("s")).await.unwrap();
        let log = log.take();
        let pauses: Vec<f64> = log
            .lines()
            .map(|line| line.strip_suffix(" s").unwrap().rsplit_once("Next attempt in ").unwrap().1)
            .map(|pause| pause.parse().unwrap())
            .collect();
        // Half of 400 ms and half of 800 ms at least.
        assert!(matches!(pauses[..], [first, second] if first >= 0.2 && second >= 0.4), "{log}");
    }

    #[test]
    fn pauses_are_jittered_within_bounds() {
        for _ in 0..1000 {
            let pause = jittered(LONGEST_PAUSE);
            assert!(pause >= LONGEST_PAUSE / 2 && pause <= LONGEST_PAUSE, "{pause:?}");
        }
    }

    #[tokio::test]
    async fn an_https_client_can_be_made() {
        assert!(dispatcher("https://127.0.0.1/").client().is_ok());
    }
}
