//! One writer's, or one reader's, work on one point.
//!
//! ```text
//! lanes -> Pack (compress, seal) -> upload        at most lanes + uploads packs are in memory
//!       -> lists, manifests -> inventory, contents -> record, which makes the point exist
//! ```

mod commit;
mod cpu;
mod cursor;
mod error;
mod frames;
mod heartbeat;
mod inventory;
mod list;
mod pack;
mod page;
mod pieces;
mod pool;
mod reader;
mod session;
mod writer;

pub use commit::{Committed, RecordDraft};
pub use cpu::cpu;
pub use error::{ReadError, WriteError};
pub use frames::FrameStream;
pub use list::ListWriter;
pub use pack::{Pack, PackError, PackKind};
pub use reader::PointReader;
pub use writer::{PointWriter, WriterOptions};
