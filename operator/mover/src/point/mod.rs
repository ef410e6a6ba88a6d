//! One writer's, or one reader's, work on one point.

mod reader;
mod writer;

pub use reader::{FrameStream, PointReader, ReadError};
pub use writer::{
    Committed, ListWriter, Pack, PackError, PackKind, PointWriter, RecordDraft, WriteError, WriterOptions,
};
