//! How many lanes: two at first, one more while it pays.

/// One more lane has to bring at least this much more throughput to be followed by another one.
const WORTHWHILE: f64 = 1.10;
/// Lanes to begin with.
const FIRST: u16 = 2;

/// Decides after each measured period whether to add a lane.
#[derive(Debug, Clone)]
pub struct LaneController {
    cap: u16,
    lanes: u16,
    /// Throughput before the last lane was added, bytes per second.
    before: Option<f64>,
    is_settled: bool,
}

impl LaneController {
    /// `cap` is the most that the run may have; `free` how many connections the server can spare.
    pub fn new(cap: u16, free: u16) -> Self {
        let cap = cap.min(free).max(1);
        Self { cap, lanes: FIRST.min(cap), before: None, is_settled: false }
    }

    /// How many there should be now.
    pub fn lanes(&self) -> u16 {
        self.lanes
    }

    /// Takes the throughput of the last period, all lanes together; how many lanes there should be from now on.
    pub fn observe(&mut self, bytes_per_second: f64) -> u16 {
        let has_paid = self.before.is_none_or(|before| bytes_per_second > before * WORTHWHILE);
        self.is_settled |= !has_paid;
        if !self.is_settled && self.lanes < self.cap {
            self.before = Some(bytes_per_second);
            self.lanes += 1;
        }
        self.lanes
    }

    /// The server refused another connection: there will be no more than there are.
    pub fn refused(&mut self, lanes: u16) {
        self.lanes = lanes;
        self.is_settled = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_added_while_throughput_grows_and_never_past_the_cap() {
        let mut lanes = LaneController::new(4, 100);
        assert_eq!(lanes.lanes(), 2);
        assert_eq!(lanes.observe(100.0), 3);
        assert_eq!(lanes.observe(150.0), 4);
        assert_eq!(lanes.observe(300.0), 4);
    }

    #[test]
    fn a_lane_that_brings_little_is_the_last() {
        let mut lanes = LaneController::new(32, 100);
        assert_eq!(lanes.observe(100.0), 3);
        assert_eq!(lanes.observe(109.0), 3);
        assert_eq!(lanes.observe(900.0), 3, "once settled, noise adds none");
    }

    #[test]
    fn the_servers_headroom_and_its_refusals_hold() {
        assert_eq!(LaneController::new(8, 1).lanes(), 1);
        assert_eq!(LaneController::new(8, 0).lanes(), 1, "one is always tried");
        let mut lanes = LaneController::new(8, 8);
        assert_eq!(lanes.observe(1.0), 3);
        lanes.refused(2);
        assert_eq!(lanes.observe(10.0), 2);
    }
}
