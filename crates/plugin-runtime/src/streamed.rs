//! A body of a known length that is made while it is sent.

use std::io;
use std::pin::Pin;
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
}

impl Streamed {
    /// A body of `len` bytes, and where its blocks go. Whoever has nobody to send them to any more is told by the channel.
    pub(crate) fn new(len: u64) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, blocks) = mpsc::channel(WAITING_BLOCKS);
        (sender, Self { blocks, left: len })
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
