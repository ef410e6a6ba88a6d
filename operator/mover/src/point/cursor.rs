//! Goes through one stored object record by record, piece by piece.

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{
    PointReader, ReadError,
    pieces::{PIECE, Place, Slot},
};
use crate::{
    format::FrameSpan,
    seal::{FRAME_LENGTH, HEADER_LENGTH, OpenError, Problem, Records},
    store::Name,
};

/// Gets pieces for one stream. While one is read the next one is fetched.
pub(super) struct Supply {
    reader: PointReader,
    ahead: Option<(Place, Slot)>,
    fetching: JoinSet<()>,
}

impl Supply {
    pub fn new(reader: PointReader) -> Self {
        Self { reader, ahead: None, fetching: JoinSet::new() }
    }

    async fn get(&mut self, place: Place) -> Result<Bytes, ReadError> {
        let pieces = &self.reader.inner.pieces;
        let ahead = self.ahead.take_if(|(ahead, _)| *ahead == place);
        let slot = ahead.map_or_else(|| pieces.slot(place), |(_, slot)| slot);
        pieces.fill(place, &slot).await
    }

    /// Has a piece fetched, so that it is there when it is needed.
    pub fn expect(&mut self, place: Place) {
        let slot = self.reader.inner.pieces.slot(place);
        self.ahead = Some((place, Slot::clone(&slot)));
        let reader = self.reader.clone();
        self.fetching.spawn(async move {
            // A failure will be met again, and told, when the piece is read.
            if let Err(error) = reader.inner.pieces.fill(place, &slot).await {
                tracing::debug!(%error, "a part of a pack could not be fetched ahead");
            }
        });
        while self.fetching.try_join_next().is_some() {}
    }
}

/// Where in an object is read.
pub(super) struct Cursor {
    object: u32,
    /// Where the next record begins, or goes on while it is put together.
    position: u64,
    piece: Option<(Place, Bytes)>,
    /// A record as a whole, wherever pieces end.
    record: Vec<u8>,
}

impl Cursor {
    /// At the first record of a span.
    pub fn at(span: &FrameSpan) -> Self {
        Self { object: span.object, position: span.offset, piece: None, record: Vec::new() }
    }

    /// The object's header.
    pub async fn header(&mut self, name: &Name, supply: &mut Supply) -> Result<Bytes, ReadError> {
        if self.position < HEADER_LENGTH as u64 {
            return Err(OpenError::new(name, Problem::Truncated).into());
        }
        if self.position >= PIECE {
            return supply.reader.inner.pieces.header(self.object).await;
        }
        let first = Place { object: self.object, piece: 0 };
        let bytes = supply.get(first).await?;
        let header = bytes.slice(..bytes.len().min(HEADER_LENGTH));
        self.piece = Some((first, bytes));
        Ok(header)
    }

    /// The next record's bytes.
    pub async fn record(&mut self, records: &Records, supply: &mut Supply) -> Result<&[u8], ReadError> {
        self.record.clear();
        loop {
            let length = records.length(&self.record)?;
            if length == Some(self.record.len()) {
                return Ok(&self.record);
            }
            let wanted = length.unwrap_or(FRAME_LENGTH) - self.record.len();
            let rest = self.rest(supply).await?;
            if rest.is_empty() {
                return Err(OpenError::new(records.object(), Problem::Truncated).into());
            }
            let taken = &rest[..rest.len().min(wanted)];
            self.record.extend_from_slice(taken);
            self.position += taken.len() as u64;
        }
    }

    /// The piece that the last record ended in.
    pub fn place(&self) -> Option<Place> {
        self.piece.as_ref().map(|(place, _)| *place)
    }

    /// The next piece of the object, if it is needed for `left` more records that are as long as the last one.
    pub fn goes_on(&self, left: u32) -> Option<Place> {
        let (place, bytes) = self.piece.as_ref()?;
        let end = self.position.saturating_add(u64::from(left) * self.record.len() as u64);
        let next = place.next();
        (bytes.len() as u64 == PIECE && end > next.start()).then_some(next)
    }

    /// What is left of the piece that the position lies in; nothing at the object's end.
    async fn rest(&mut self, supply: &mut Supply) -> Result<Bytes, ReadError> {
        let Some(place) = Place::of(self.object, self.position) else { return Ok(Bytes::new()) };
        let bytes = match &self.piece {
            Some((held, bytes)) if *held == place => bytes.clone(),
            Some((held, bytes)) if held.next() == place && (bytes.len() as u64) < PIECE => Bytes::new(),
            _ => {
                let bytes = supply.get(place).await?;
                self.piece = Some((place, bytes.clone()));
                bytes
            }
        };
        let within = usize::try_from(self.position - place.start()).unwrap_or(usize::MAX);
        Ok(bytes.slice(within.min(bytes.len())..))
    }
}
