//! The page that a kiosk's screen shows.

/// The front page: guidance in large letters, the state below; follows `/v1/events`, loads nothing from elsewhere.
pub const FRONT: &str = include_str!("front.html");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_hears_how_an_enrollment_ends_and_asks_again_after_a_broken_line() {
        for part in [
            "e.event === \"guidance\"",
            "if (e.event === \"enrollment\") enrollment(e);",
            "e.state === \"cancelled\"",
            "enrollment(s.enrollment);",
            "events.onopen = refresh;",
        ] {
            assert!(FRONT.contains(part), "{part}");
        }
    }
}
