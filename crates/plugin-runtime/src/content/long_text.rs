//! Texts that are too long to be held in memory, as they come in.
//!
//! Whoever reads a message does not know yet which of its texts are contents: the step may be named at the end. So
//! every long text is decoded on the way in, and what it must not be is said when somebody wants it.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::decode::{Decoder, NotBase64};
use super::{Content, ContentWriter};

/// What a long text stands for, if it was base64.
pub(crate) type LongText = Result<Content, Undecoded>;

/// Texts up to this many bytes are decoded where they are read (1 MiB); a thread would take longer to begin.
const HERE: usize = 1 << 20;

/// Parts that wait for the thread.
const WAITING: usize = 4;

/// Why there are no bytes of a long text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undecoded {
    /// It is no base64.
    #[error(transparent)]
    NotBase64(#[from] NotBase64),
    /// There is no room for its bytes, or no folder.
    #[error("the content cannot be stored: {0}")]
    Unstored(#[from] io::Error),
}

/// Takes a long text in parts. Once there are many they are decoded on a thread of their own, while the next are read.
pub(crate) struct LongTextWriter(Place);

enum Place {
    Here { decoding: Box<Decoding>, len: usize },
    There(Thread),
}

impl LongTextWriter {
    /// Keeps at most so many bytes in memory.
    pub(crate) fn within(memory: usize) -> Self {
        Self(Place::Here { decoding: Box::new(Decoding::within(memory)), len: 0 })
    }

    /// Takes the next part out of `text`, and leaves that empty.
    pub(crate) fn write(&mut self, text: &mut String) {
        match &mut self.0 {
            Place::Here { decoding, len } => {
                decoding.take(text);
                *len += text.len();
                text.clear();
                if *len > HERE {
                    let decoding = std::mem::replace(&mut **decoding, Decoding::within(0));
                    self.0 = Thread::start(decoding);
                }
            }
            Place::There(thread) => thread.take(text),
        }
    }

    /// The text that was written so far.
    pub(crate) fn finish(self) -> LongText {
        match self.0 {
            Place::Here { decoding, .. } => decoding.finish(),
            Place::There(thread) => thread.finish(),
        }
    }
}

/// The thread that decodes, and the parts that go there and come back.
struct Thread {
    parts: SyncSender<String>,
    empty: Receiver<String>,
    decoded: JoinHandle<LongText>,
}

impl Thread {
    /// Goes on with the decoding on a thread. Where there is none to be had, that is why there are no bytes.
    fn start(decoding: Decoding) -> Place {
        let (parts, full) = sync_channel::<String>(WAITING);
        let (give_back, empty) = sync_channel(WAITING);
        let decoded = thread::Builder::new().name("base64".to_owned()).spawn(move || {
            let mut decoding = decoding;
            for mut part in full {
                decoding.take(&part);
                part.clear();
                // Where nobody waits for one, there are enough.
                let _ = give_back.try_send(part);
            }
            decoding.finish()
        });
        match decoded {
            Ok(decoded) => Place::There(Self { parts, empty, decoded }),
            Err(error) => Place::Here { decoding: Box::new(Decoding::failed(error.into())), len: 0 },
        }
    }

    fn take(&self, text: &mut String) {
        let part = std::mem::replace(text, self.empty.try_recv().unwrap_or_default());
        // A thread that has ended tells why.
        let _ = self.parts.send(part);
    }

    fn finish(self) -> LongText {
        drop(self.parts);
        self.decoded.join().unwrap_or_else(|_| Err(io::Error::other("its decoding broke down").into()))
    }
}

/// Decodes part after part. Once the text is of no use its bytes are dropped, and the rest is ignored.
struct Decoding {
    /// Holds the bytes of one part after the other.
    bytes: Vec<u8>,
    state: Result<(Decoder, ContentWriter), Undecoded>,
}

impl Decoding {
    fn within(memory: usize) -> Self {
        Self { bytes: Vec::new(), state: Ok((Decoder::default(), Content::writer().within(memory))) }
    }

    fn failed(undecoded: Undecoded) -> Self {
        Self { bytes: Vec::new(), state: Err(undecoded) }
    }

    fn take(&mut self, part: &str) {
        if let Ok((decoder, content)) = &mut self.state
            && let Err(undecoded) = append(decoder, part, &mut self.bytes, content)
        {
            self.state = Err(undecoded);
        }
    }

    fn finish(self) -> LongText {
        let (decoder, content) = self.state?;
        decoder.finish()?;
        Ok(content.finish())
    }
}

/// Decodes a part by way of `bytes`, whose room is used again and again.
fn append(
    decoder: &mut Decoder,
    part: &str,
    bytes: &mut Vec<u8>,
    content: &mut ContentWriter,
) -> Result<(), Undecoded> {
    bytes.clear();
    bytes.reserve(part.len());
    decoder.decode(part, bytes)?;
    Ok(content.write(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::MEMORY_LIMIT;
    use crate::room::Room;

    fn written(parts: &[&str]) -> LongText {
        let mut writer = LongTextWriter::within(MEMORY_LIMIT);
        for part in parts {
            let mut text = (*part).to_owned();
            writer.write(&mut text);
            assert!(text.is_empty(), "it was taken");
        }
        writer.finish()
    }

    #[test]
    fn parts_make_one_content() {
        assert_eq!(written(&["aGV", "sbG", "8="]).unwrap().len(), 5);
    }

    #[test]
    fn a_thread_goes_on_where_it_was_begun() {
        let part = "QUJD".repeat(HERE / 16);
        let content = written(&[part.as_str(); 20]).unwrap();
        assert_eq!(content.len(), 20 * 3 * HERE as u64 / 16);
        let mut bytes = vec![0; 3 * HERE];
        assert_eq!(content.reader_at(content.len() - 3).read(&mut bytes).unwrap(), 3);
        assert_eq!(&bytes[..3], b"ABC");
    }

    #[test]
    fn what_is_no_base64_keeps_its_first_fault() {
        let fault = |parts: &[&str]| written(parts).unwrap_err().to_string();
        assert_eq!(fault(&["aGVs", "b!", "??"]), "not base64: character '!' at offset 5");
        assert_eq!(fault(&["aGVsb"]), "not base64: 1 character is left over, padding is missing");
        let long = "QUJD".repeat(HERE / 4);
        let expected = format!("not base64: character '?' at offset {}", 2 * HERE);
        assert_eq!(fault(&[&long, &long, "?", "!", &long]), expected, "on the thread");
    }

    #[test]
    fn a_full_disk_is_no_fault_of_the_text() {
        let full = ContentWriter { room: Room::none(), ..Content::writer() };
        let decoding = Decoding { bytes: Vec::new(), state: Ok((Decoder::default(), full)) };
        let mut writer = LongTextWriter(Place::Here { decoding: Box::new(decoding), len: 0 });
        for _ in 0..3 {
            writer.write(&mut "A".repeat(1 << 20));
        }
        let undecoded = writer.finish().unwrap_err();
        assert!(undecoded.to_string().starts_with("the content cannot be stored: "), "{undecoded}");
    }
}
