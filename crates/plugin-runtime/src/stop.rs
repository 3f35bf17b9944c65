//! One request to end, seen by everything that runs.

use tokio::sync::watch;

/// Tells whether an end was asked for. Cloning is cheap, and all clones see the same request.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Asks for the end.
#[derive(Debug)]
pub struct StopSource(watch::Sender<bool>);

impl Stop {
    /// A source and the stop that it controls. A source that is dropped asks for the end, too.
    pub fn new() -> (StopSource, Self) {
        let (sender, receiver) = watch::channel(false);
        (StopSource(sender), Self(receiver))
    }

    /// Waits until the end is asked for. Safe to cancel.
    pub async fn wait(&self) {
        // An error means that the source is gone, which asks for the end as well.
        let _ = self.0.clone().wait_for(|requested| *requested).await;
    }
}

impl StopSource {
    /// Asks for the end. Asking again changes nothing.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_request() {
        let (source, stop) = Stop::new();
        let clone = stop.clone();
        let waiting = tokio::spawn(async move { clone.wait().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        source.request();
        waiting.await.unwrap();
        stop.wait().await;
    }

    #[tokio::test]
    async fn a_lost_source_asks_for_the_end() {
        let (source, stop) = Stop::new();
        drop(source);
        stop.wait().await;
    }
}
