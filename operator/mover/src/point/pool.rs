//! Buffers of one pack each, as many as the writer may have in memory. A lane waits for a free one.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zstd::bulk::Compressor;

use crate::{
    format::PACK_SEALED_LIMIT,
    seal::{FINAL_LENGTH, HEADER_LENGTH, SealError},
};

/// Bytes of a buffer: a pack with its header and final record.
const CAPACITY: usize = HEADER_LENGTH + PACK_SEALED_LIMIT + FINAL_LENGTH;

/// Buffers that were used before, and how many there may be.
pub(super) struct Pool {
    free: Mutex<Vec<Working>>,
    permits: Arc<Semaphore>,
}

/// What costs enough to be used again: 16 MiB of initialised memory and a compressor's tables.
struct Working {
    bytes: Vec<u8>,
    compressor: Compressor<'static>,
}

/// One buffer in use. It goes back to the pool when it is dropped, wherever that happens.
pub(super) struct Buffer {
    working: Option<Working>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub fn new(buffers: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::default(), permits: Arc::new(Semaphore::new(buffers)) })
    }

    /// Waits for a free buffer.
    pub async fn take(self: &Arc<Self>) -> Result<Buffer, SealError> {
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.expect("the pool's semaphore is never closed");
        let used = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let working = match used {
            Some(working) => working,
            None => Working { bytes: vec![0; CAPACITY], compressor: compressor()? },
        };
        Ok(Buffer { working: Some(working), pool: Arc::clone(self), _permit: permit })
    }
}

impl Buffer {
    pub fn bytes(&self) -> &[u8] {
        &self.working().bytes
    }

    pub fn parts(&mut self) -> (&mut [u8], &mut Compressor<'static>) {
        let working = self.working.as_mut().expect("a buffer has its memory until it is dropped");
        (&mut working.bytes, &mut working.compressor)
    }

    pub fn capacity(&self) -> usize {
        self.working().bytes.len()
    }

    fn working(&self) -> &Working {
        self.working.as_ref().expect("a buffer has its memory until it is dropped")
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(working) = self.working.take() {
            self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(working);
        }
    }
}

fn compressor() -> Result<Compressor<'static>, SealError> {
    Compressor::new(crate::seal::LEVEL).map_err(|error| SealError::Compress(error.to_string()))
}
