//! SHA-256 of a transfer, beside it: once there is enough to do, on a thread of its own, so that it takes no time while
//! there is another processor.

use std::io;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::BLOCK;

/// Up to so many bytes are digested where they are; a thread would take longer to begin.
const HERE: u64 = 1024 * 1024;

/// Blocks that wait for the thread.
const WAITING: usize = 4;

/// A digest on its way.
pub(super) struct Digest(State);

enum State {
    Here { digest: Sha256, len: u64 },
    There(Thread),
}

/// The thread that digests, and the blocks that go there and come back.
struct Thread {
    blocks: mpsc::Sender<(Vec<u8>, usize)>,
    empty: mpsc::Receiver<Vec<u8>>,
    done: JoinHandle<Sha256>,
}

impl Digest {
    pub(super) fn new() -> Self {
        Self(State::Here { digest: Sha256::new(), len: 0 })
    }

    /// Takes the bytes at the front of a block, and gives a block for the next ones.
    pub(super) async fn update(&mut self, block: Vec<u8>, len: usize) -> io::Result<Vec<u8>> {
        match &mut self.0 {
            State::Here { digest, len: done } => {
                digest.update(&block[..len]);
                *done += len as u64;
                if *done > HERE {
                    self.0 = State::There(Thread::start(std::mem::take(digest)));
                }
                Ok(block)
            }
            State::There(thread) => thread.update(block, len).await,
        }
    }

    /// The digest in hexadecimal.
    pub(super) async fn finish(self) -> io::Result<String> {
        let digest = match self.0 {
            State::Here { digest, .. } => digest,
            State::There(thread) => thread.finish().await?,
        };
        Ok(hex::encode(digest.finalize()))
    }
}

impl Thread {
    fn start(mut digest: Sha256) -> Self {
        let (blocks, mut full) = mpsc::channel::<(Vec<u8>, usize)>(WAITING);
        let (give_back, empty) = mpsc::channel(WAITING);
        let done = tokio::task::spawn_blocking(move || {
            while let Some((block, len)) = full.blocking_recv() {
                digest.update(&block[..len]);
                // Where nobody waits for one, there are enough.
                let _ = give_back.try_send(block);
            }
            digest
        });
        Self { blocks, empty, done }
    }

    async fn update(&mut self, block: Vec<u8>, len: usize) -> io::Result<Vec<u8>> {
        self.blocks.send((block, len)).await.map_err(io::Error::other)?;
        Ok(self.empty.try_recv().unwrap_or_else(|_| vec![0; BLOCK]))
    }

    async fn finish(self) -> io::Result<Sha256> {
        drop(self.blocks);
        self.done.await.map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_the_same_here_and_there() {
        for blocks in [0_u8, 1, 3, 4, 5, 40] {
            let mut whole = Sha256::new();
            let mut digest = Digest::new();
            let mut block = vec![0; BLOCK];
            for number in 0..blocks {
                let len = BLOCK - usize::from(number);
                block[..len].fill(number);
                whole.update(&block[..len]);
                block = digest.update(block, len).await.expect("a block");
                assert_eq!(block.len(), BLOCK);
            }
            assert_eq!(digest.finish().await.expect("a digest"), hex::encode(whole.finalize()), "{blocks}");
        }
    }
}
