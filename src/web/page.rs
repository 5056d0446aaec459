//! The page that a kiosk's screen shows.

/// The front page: guidance in large letters, the state below; follows `/v1/events`, loads nothing from elsewhere.
pub const FRONT: &str = include_str!("front.html");
