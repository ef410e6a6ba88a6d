//! Exit codes of the pods that the operator starts. The command line has codes of its own.

/// How a mover's process ended, for the case that it could not leave a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked was done.
    Done = 0,
    /// Another attempt may succeed.
    Retryable = 20,
    /// Another attempt cannot succeed until somebody changes something.
    Permanent = 21,
    /// The assignment could not be read: a fault of the operator, or of an old image.
    BadAssignment = 22,
    /// Another mover of the same run committed the point first.
    LostRace = 30,
}

impl Exit {
    /// The exit that a process's code stands for; `None` for a code of somebody else (137: killed).
    pub fn from_code(code: i32) -> Option<Self> {
        match code {
            0 => Some(Self::Done),
            20 => Some(Self::Retryable),
            21 => Some(Self::Permanent),
            22 => Some(Self::BadAssignment),
            30 => Some(Self::LostRace),
            _ => None,
        }
    }
}
