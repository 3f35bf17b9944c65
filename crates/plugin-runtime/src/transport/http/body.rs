//! A request's body on its way in: counted, timed, and read as a start message while it comes.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::message::{MessageError, StartMessage};

/// A body that is announced with at most this many bytes is read whole before it is parsed (64 KiB): most are.
const SHORT: u64 = 64 << 10;

/// Blocks of a long body that wait for the parser.
const WAITING_BLOCKS: usize = 4;

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The most bytes.
    pub(super) bytes: u64,
    /// The longest wait for the next of them.
    pub(super) pause: Duration,
    /// When the last of them has to be here.
    pub(super) deadline: Instant,
}

/// Why there is no start message.
#[derive(Debug, Error)]
pub(super) enum Unread {
    #[error(
        "The body has more than {0} bytes. --max-body says how many there may be, and the start message of a trigger \
         has 1 MiB at most."
    )]
    TooLarge(u64),
    #[error("The body did not arrive in time.")]
    TooSlow,
    #[error("The body broke off: {0}")]
    Broken(String),
    #[error("{}", .0.failure)]
    Message(Box<MessageError>),
}

impl From<MessageError> for Unread {
    fn from(error: MessageError) -> Self {
        Self::Message(Box::new(error))
    }
}

/// A body, block by block.
pub(super) struct Incoming {
    body: Body,
    limits: Limits,
    received: u64,
}

impl Incoming {
    pub(super) fn new(body: Body, limits: Limits) -> Self {
        Self { body, limits, received: 0 }
    }

    /// The start message in the body, and how many bytes it had. The message is parsed while it comes, so that its
    /// files never are in memory.
    pub(super) async fn message(self) -> Result<(StartMessage, u64), Unread> {
        // What is announced as too large need not be sent first.
        if self.body.size_hint().lower() > self.limits.bytes {
            return Err(Unread::TooLarge(self.limits.bytes));
        }
        if self.body.size_hint().upper().is_some_and(|bytes| bytes <= SHORT) {
            let text = self.text(SHORT).await?;
            return Ok((StartMessage::parse(&text)?, text.len() as u64));
        }
        let (sender, receiver) = mpsc::channel(WAITING_BLOCKS);
        let parsing = tokio::task::spawn_blocking(move || StartMessage::read(Blocks::new(receiver)));
        let bytes = self.pump(sender).await?;
        match parsing.await {
            Ok(message) => Ok((message?, bytes)),
            Err(panic) => Err(Unread::Broken(panic.to_string())),
        }
    }

    /// All of the body, for callers that keep it; of at most `bytes`, whatever the limits say.
    pub(super) async fn text(mut self, bytes: u64) -> Result<Vec<u8>, Unread> {
        self.limits.bytes = self.limits.bytes.min(bytes);
        let mut text = Vec::new();
        while let Some(block) = self.next().await? {
            text.extend_from_slice(&block);
        }
        Ok(text)
    }

    /// Hands the body to the parser, as far as that wants it, and says how many bytes there were.
    async fn pump(mut self, to: mpsc::Sender<Piece>) -> Result<u64, Unread> {
        while let Some(block) = self.next().await? {
            if to.send(Piece::Block(block)).await.is_err() {
                return Ok(self.received);
            }
        }
        // A parser that has given up has its reason.
        let _ = to.send(Piece::End).await;
        Ok(self.received)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        let Limits { bytes, pause, deadline } = self.limits;
        let frame = match timeout_at(deadline.min(Instant::now() + pause), self.body.frame()).await {
            Ok(Some(frame)) => frame.map_err(|error| Unread::Broken(error.to_string()))?,
            Ok(None) => return Ok(None),
            Err(_) => return Err(Unread::TooSlow),
        };
        // What is no data is a trailer, and says nothing to us.
        let block = frame.into_data().unwrap_or_default();
        self.received += block.len() as u64;
        if self.received > bytes {
            return Err(Unread::TooLarge(bytes));
        }
        Ok(Some(block))
    }
}

/// What the parser is handed.
enum Piece {
    Block(Bytes),
    /// The body is whole. Without this the parser has to take the end for a break.
    End,
}

/// A body as a blocking reader sees it.
struct Blocks {
    pieces: mpsc::Receiver<Piece>,
    block: Bytes,
    is_whole: bool,
}

impl Blocks {
    fn new(pieces: mpsc::Receiver<Piece>) -> Self {
        Self { pieces, block: Bytes::new(), is_whole: false }
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.block.is_empty() && !self.is_whole {
            match self.pieces.blocking_recv() {
                Some(Piece::Block(block)) => self.block = block,
                Some(Piece::End) => self.is_whole = true,
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        let read = self.block.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.block.split_to(read));
        Ok(read)
    }
}
