//! A body of a known length that is made while it is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

/// Blocks that wait for a slow receiver.
const WAITING_BLOCKS: usize = 4;

/// The blocks of a body, as hyper takes them. Its length is told beforehand, so whoever gets fewer bytes knows that the
/// body broke off.
pub(crate) struct Streamed {
    blocks: mpsc::Receiver<io::Result<Bytes>>,
    /// Bytes that are still to come. Blocks that end before are a break, and not the end of the body.
    left: u64,
    taken: Taken,
}

/// Tells whether a body was taken whole by whoever sends it. The blocks that still wait for that are not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<AtomicBool>);

impl Taken {
    pub(crate) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Streamed {
    /// A body of `len` bytes, and where its blocks go. Whoever has nobody to send them to any more is told by the channel.
    pub(crate) fn new(len: u64) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, blocks) = mpsc::channel(WAITING_BLOCKS);
        (sender, Self { blocks, left: len, taken: Taken::default() })
    }

    /// Tells whether it was taken, when the body itself is on its way.
    pub(crate) fn taken(&self) -> Taken {
        self.taken.clone()
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.blocks.poll_recv(context).map(|block| match block {
            Some(Ok(block)) => {
                self.left = self.left.saturating_sub(block.len() as u64);
                self.taken.0.store(self.left == 0, Ordering::Release);
                Some(Ok(Frame::data(block)))
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn take_block(body: Pin<&mut Streamed>) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        matches!(body.poll_frame(&mut context), Poll::Ready(Some(Ok(_))))
    }

    #[tokio::test]
    async fn a_body_is_taken_with_its_last_block_and_not_while_that_waits() {
        let (blocks, body) = Streamed::new(6);
        let taken = body.taken();
        let mut body = pin!(body);
        for block in [&b"one"[..], b"two"] {
            blocks.send(Ok(block.into())).await.unwrap();
        }
        assert!(!taken.is_whole(), "all of it waits");
        assert!(take_block(body.as_mut()) && !taken.is_whole());
        assert!(take_block(body.as_mut()) && taken.is_whole());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_taken() {
        let (blocks, body) = Streamed::new(6);
        let taken = body.taken();
        let mut body = pin!(body);
        blocks.send(Ok(b"one"[..].into())).await.unwrap();
        drop(blocks);
        assert!(take_block(body.as_mut()) && !take_block(body.as_mut()));
        assert!(!taken.is_whole());
    }
}
