//! Where frames are stored.

use serde::{Deserialize, Serialize};

/// Consecutive records of one object. In JSON `[object, offset, first, count]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u64, u32, u32)", into = "(u32, u64, u32, u32)")]
pub struct FrameSpan {
    /// Number of the object below `data/<writer>/`.
    pub object: u32,
    /// Byte at which the first record's framing starts in the stored object.
    pub offset: u64,
    /// Counter of the first record.
    pub first: u32,
    /// How many records.
    pub count: u32,
}

impl From<(u32, u64, u32, u32)> for FrameSpan {
    fn from((object, offset, first, count): (u32, u64, u32, u32)) -> Self {
        Self { object, offset, first, count }
    }
}

impl From<FrameSpan> for (u32, u64, u32, u32) {
    fn from(span: FrameSpan) -> Self {
        (span.object, span.offset, span.first, span.count)
    }
}

/// Appends a span, joining it with the last one where it follows it directly in the same object.
pub fn push_span(spans: &mut Vec<FrameSpan>, span: FrameSpan) {
    if let Some(last) = spans.last_mut()
        && last.object == span.object
        && last.first.checked_add(last.count) == Some(span.first)
        && let Some(count) = last.count.checked_add(span.count)
    {
        last.count = count;
        return;
    }
    spans.push(span);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_follow_each_other_become_one() {
        let mut spans = Vec::new();
        push_span(&mut spans, FrameSpan { object: 1, offset: 152, first: 0, count: 1 });
        push_span(&mut spans, FrameSpan { object: 1, offset: 900, first: 1, count: 1 });
        push_span(&mut spans, FrameSpan { object: 1, offset: 2_000, first: 3, count: 1 });
        push_span(&mut spans, FrameSpan { object: 2, offset: 152, first: 4, count: 1 });
        assert_eq!(serde_json::to_string(&spans).unwrap(), "[[1,152,0,2],[1,2000,3,1],[2,152,4,1]]");
    }
}
