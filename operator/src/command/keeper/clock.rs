//! The test clock at a keeper: the operator says how far promises are to be judged ahead of the wall clock.

use axum::http::HeaderValue;
use jiff::SignedDuration;
use mover::clock::Clock;

/// The header in which an operator whose clock is ahead says by how many seconds.
pub const OFFSET_HEADER: &str = "coffer-clock-offset";

/// Takes the offset that the operator sends. The clock only ever raises it: time does not go back.
pub fn obey(clock: &Clock, header: Option<&HeaderValue>) {
    let offset = header.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    if let Some(seconds) = offset {
        clock.raise_offset(SignedDuration::from_secs(seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_obeyed_only_upwards() {
        let clock = Clock::system(SignedDuration::ZERO);
        for text in ["360000", "60", "-5", "x"] {
            obey(&clock, Some(&HeaderValue::from_static(text)));
        }
        obey(&clock, None);
        let ahead = clock.now().duration_since(clock.wall()).as_hours();
        assert!((99..=100).contains(&ahead), "{ahead}");
    }
}
