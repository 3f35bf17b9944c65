//! Handler and delivery of a trigger, side by side until the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{LineSink, Progress};
use crate::dispatcher::Dispatcher;
use crate::failure::Failure;
use crate::handler::{Running, TriggerStart};
use crate::stop::{Stop, StopSource};
use crate::store::Store;

/// How long a handler may go on after it was told to stop.
const HANDLER_GRACE: Duration = Duration::from_secs(10);

/// How long the delivery may go on after the handler has ended.
const DELIVERY_GRACE: Duration = Duration::from_secs(5);

/// Runs handler and delivery until the handler ends by itself or the trigger is `asked` to end.
///
/// # Errors
/// The handler failed, or its events cannot be sent at all.
pub(super) async fn serve(
    start: TriggerStart,
    store: &Store,
    delivery: &Delivery,
    progress: &Progress,
    asked: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let (source, stop) = Stop::new();
    let handler = start(store.clone(), stop, progress.clone());
    let mut delivering = std::pin::pin!(delivery.run(store, progress));
    let outcome = tokio::select! {
        outcome = until_ended(handler, store, &source, asked) => outcome,
        failure = &mut delivering => return Err(failure),
    };
    let drained = tokio::select! {
        () = store.wait_until_empty() => true,
        _ = delivering => false,
        () = tokio::time::sleep(DELIVERY_GRACE) => false,
    };
    if !drained {
        tracing::warn!("{} events are not delivered yet", store.backlog().events);
    }
    outcome
}

/// Runs the handler until it ends, and then waits for its events to be delivered, unless the trigger is asked to end
/// before.
async fn until_ended(
    mut handler: Running<()>,
    store: &Store,
    source: &StopSource,
    asked: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut asked = std::pin::pin!(asked);
    tokio::select! {
        outcome = &mut handler => {
            outcome?;
            // A handler that is done by itself leaves all the time there is to the delivery.
            tokio::select! {
                () = store.wait_until_empty() => {}
                () = asked => {}
            }
            Ok(())
        }
        () = &mut asked => {
            source.request();
            wind_down(handler).await
        }
    }
}

/// Lets a handler that was told to stop come to its end.
async fn wind_down(handler: Running<()>) -> Result<(), Failure> {
    tokio::time::timeout(HANDLER_GRACE, handler).await.unwrap_or_else(|_| {
        tracing::warn!("The trigger did not end within {} s and was cut off", HANDLER_GRACE.as_secs());
        Ok(())
    })
}

/// The way out for a trigger's events.
pub(super) enum Delivery {
    Post(Dispatcher),
    Lines(LineSink),
}

impl Delivery {
    /// Delivers what is in the outbox and what will come, oldest first. It ends only when it cannot go on.
    async fn run(&self, store: &Store, progress: &Progress) -> Failure {
        loop {
            if let Err(failure) = self.deliver_oldest(store, progress).await {
                return failure;
            }
        }
    }

    async fn deliver_oldest(&self, store: &Store, progress: &Progress) -> Result<(), Failure> {
        store.wait_for_event().await;
        let Some(event) = store.oldest().await? else { return Ok(()) };
        match self {
            Self::Post(dispatcher) => dispatcher.deliver(&event, |what| progress.not_delivered(what)).await?,
            Self::Lines(write) => write_line(Arc::clone(write), event.reader()).await?,
        }
        store.remove(&event).await
    }
}

/// Has an event written, which may block for long and so goes on beside the handler, and even behind the trigger's end.
async fn write_line(write: LineSink, mut line: impl io::Read + Send + 'static) -> Result<(), Failure> {
    let writing = tokio::task::spawn_blocking(move || write(&mut line));
    writing.await.map_err(io::Error::from).flatten().map_err(|error| {
        Failure::internal(
            format!("The event cannot be written: {error}"),
            "Check that whoever takes the events is still there and has room for them, and start the trigger again.",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;

    use super::*;
    use crate::log::StepLog;
    use crate::log::testing::{capture, captured};
    use crate::message::Meta;

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_does_not_stop_is_cut_off() {
        let _guard = capture(false);
        let store = Store::unnamed().unwrap();
        let start: TriggerStart = Box::new(|_, _, _| Box::pin(std::future::pending()));
        let delivery = Delivery::Lines(Arc::new(|_| Ok(())));
        let progress = Progress::new(StepLog::new());
        let began = tokio::time::Instant::now();
        serve(start, &store, &delivery, &progress, std::future::ready(())).await.unwrap();
        assert_eq!(began.elapsed(), HANDLER_GRACE);
        assert!(captured().contains("was cut off"), "{}", captured());
    }

    #[tokio::test]
    async fn a_writer_that_blocks_does_not_keep_the_state_file_open() {
        let _guard = capture(false);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let open = || Store::open(Some(&path), Meta::empty(), StepLog::new());
        let store = open().unwrap();
        let traffic = store.traffic();
        store.commit(&(), vec!["x".repeat(1 << 20)]).await.unwrap();
        let (blocked, mut is_blocked) = tokio::sync::mpsc::channel(1);
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let (tell, rest) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let delivery = Delivery::Lines(Arc::new(move |line: &mut dyn io::Read| {
            line.read_exact(&mut [0])?;
            blocked.blocking_send(()).unwrap();
            let _ = released.lock().unwrap().recv();
            let rest = io::copy(line, &mut io::sink());
            let _ = tell.lock().unwrap().take().unwrap().send(rest.map_err(|error| error.to_string()));
            Ok(())
        }));
        let start: TriggerStart = Box::new(|_, stop, _| {
            Box::pin(async move {
                stop.wait().await;
                Ok(())
            })
        });
        let asked = async { is_blocked.recv().await.unwrap() };
        let progress = Progress::new(StepLog::new());
        // The clock does not go on by itself while a thread is busy.
        tokio::time::pause();
        tokio::select! {
            outcome = serve(start, &store, &delivery, &progress, asked) => outcome.unwrap(),
            () = async { loop { tokio::time::advance(DELIVERY_GRACE).await } } => {}
        }
        tokio::time::resume();
        drop(store);
        traffic.wait_until_closed(HANDLER_GRACE).await;
        assert_eq!(open().unwrap().backlog().events, 1, "the next start has it, and delivers it");
        release.send(()).unwrap();
        assert_eq!(rest.await.unwrap().unwrap_err(), "the trigger has ended");
    }
}
