//! From bytes to frames to packs: while one frame is compressed and sealed on another thread, the next one is filled.

use std::{mem, sync::Arc};

use tokio::task::{JoinHandle, spawn_blocking};

use super::{BackupError, throttle::Throttle};
use crate::{
    format::{FRAME_DEFAULT, FrameSpan, push_span},
    point::{Pack, PackError, PackKind, PointWriter},
    progress::ProgressSink,
};

/// A frame that is sealed sooner than another thread would have begun with it.
const SEALED_AT_ONCE: usize = 64 * 1024;

/// What a lane stores with. Everything pushed between two [`Packer::finish_part`] belongs together.
pub struct Packer {
    writer: PointWriter,
    kind: PackKind,
    throttle: Arc<Throttle>,
    progress: ProgressSink,
    /// Where the next frame goes, unless it is being filled at this moment.
    pack: Option<Pack>,
    sealing: Option<JoinHandle<Sealed>>,
    frame: Vec<u8>,
    /// The second frame, while none is being sealed.
    spare: Vec<u8>,
    spans: Vec<FrameSpan>,
    plain_bytes: u64,
}

/// What comes back from the thread that seals.
struct Sealed {
    pack: Pack,
    frame: Vec<u8>,
    span: Result<FrameSpan, PackError>,
}

/// Bytes that belong together, stored.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Part {
    pub plain_bytes: u64,
    pub spans: Vec<FrameSpan>,
}

impl Packer {
    pub fn new(writer: PointWriter, kind: PackKind, throttle: Arc<Throttle>, progress: ProgressSink) -> Self {
        Self {
            writer,
            kind,
            throttle,
            progress,
            pack: None,
            sealing: None,
            frame: Vec::with_capacity(FRAME_DEFAULT),
            spare: Vec::with_capacity(FRAME_DEFAULT),
            spans: Vec::new(),
            plain_bytes: 0,
        }
    }

    /// How many bytes fit before a frame has to be sealed.
    #[inline]
    pub fn room(&self) -> usize {
        FRAME_DEFAULT - self.frame.len()
    }

    /// Bytes of what belongs together, but for those of the frame that is being filled.
    pub fn part_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// Takes bytes that fit.
    #[inline]
    pub fn fill(&mut self, bytes: &[u8]) {
        self.frame.extend_from_slice(bytes);
    }

    /// Takes bytes of any number.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        while bytes.len() > self.room() {
            let (now, later) = bytes.split_at(self.room());
            self.fill(now);
            bytes = later;
            self.seal().await?;
        }
        self.fill(bytes);
        Ok(())
    }

    /// Has the frame sealed, once the one before it is.
    pub async fn seal(&mut self) -> Result<(), BackupError> {
        self.settle().await?;
        let length = self.frame.len();
        if length == 0 {
            return Ok(());
        }
        self.throttle.take(length).await;
        let mut pack = self.pack_for(length).await?;
        let frame = mem::replace(&mut self.frame, mem::take(&mut self.spare));
        self.plain_bytes += length as u64;
        self.progress.bytes(length as u64);
        let seal = move || {
            let span = pack.push(&frame);
            Sealed { pack, frame, span }
        };
        if length <= SEALED_AT_ONCE {
            return self.take_back(seal());
        }
        self.sealing = Some(spawn_blocking(seal));
        Ok(())
    }

    /// Ends what belongs together, and gives where it is.
    pub async fn finish_part(&mut self) -> Result<Part, BackupError> {
        self.seal().await?;
        self.settle().await?;
        Ok(Part { plain_bytes: mem::take(&mut self.plain_bytes), spans: mem::take(&mut self.spans) })
    }

    /// Forgets what was pushed since the last part. Its sealed frames stay in their packs, where nobody will name them.
    pub async fn abandon_part(&mut self) -> Result<(), BackupError> {
        self.frame.clear();
        let settled = self.settle().await;
        self.progress.bytes_again(mem::take(&mut self.plain_bytes));
        self.spans.clear();
        settled
    }

    /// Takes back that parts were finished which nobody will name.
    pub fn forget(&self, plain_bytes: u64) {
        self.progress.bytes_again(plain_bytes);
    }

    /// Hands over the last pack. The writer tells before the commit whether all of them have arrived.
    pub async fn finish(mut self) -> Result<(), BackupError> {
        self.settle().await?;
        if let Some(pack) = self.pack.take() {
            self.writer.put(pack).await?;
        }
        Ok(())
    }

    /// Waits for the frame that is being sealed.
    async fn settle(&mut self) -> Result<(), BackupError> {
        let Some(sealing) = self.sealing.as_mut() else {
            return Ok(());
        };
        let sealed = sealing.await;
        self.sealing = None;
        self.take_back(sealed?)
    }

    fn take_back(&mut self, sealed: Sealed) -> Result<(), BackupError> {
        self.spare = sealed.frame;
        self.spare.clear();
        self.pack = Some(sealed.pack);
        push_span(&mut self.spans, sealed.span?);
        Ok(())
    }

    /// A pack with room for a frame.
    async fn pack_for(&mut self, length: usize) -> Result<Pack, BackupError> {
        match self.pack.take() {
            Some(pack) if pack.fits(length) => return Ok(pack),
            Some(full) => self.writer.put(full).await?,
            None => {}
        }
        self.progress.stored(self.writer.stored_bytes());
        Ok(self.writer.open_pack(self.kind).await?)
    }
}
