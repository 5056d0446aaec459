//! Under which conditions shots passed, as JSON and in words.

use serde::{Deserialize, Serialize};

use crate::domain::CaptureRecord;

/// Under which conditions shots passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureReport {
    /// The profile that was asked for.
    pub profile: String,
    /// The profile whose gates they passed.
    pub passed: String,
    /// Whether that is a less demanding one.
    pub relaxed: bool,
    /// What the person had shown before: `off` or `turn`.
    pub liveness: String,
}

impl From<CaptureRecord> for CaptureReport {
    fn from(record: CaptureRecord) -> Self {
        Self {
            profile: record.asked.name().to_owned(),
            passed: record.passed.name().to_owned(),
            relaxed: record.is_relaxed(),
            liveness: record.liveness.name().to_owned(),
        }
    }
}

impl std::fmt::Display for CaptureReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.passed)?;
        if self.relaxed {
            write!(f, " (relaxed from {})", self.profile)?;
        }
        if self.liveness != "off" {
            write!(f, ", liveness {}", self.liveness)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Liveness, Profile};

    #[test]
    fn a_relaxation_and_a_proof_of_life_are_told_in_words() {
        let told = |passed, liveness| {
            let record = CaptureRecord { asked: Profile::Strict, passed, liveness };
            CaptureReport::from(record).to_string()
        };
        assert_eq!(told(Profile::Strict, Liveness::Off), "strict");
        let relaxed = told(Profile::Matching, Liveness::Turn);
        assert_eq!(relaxed, "matching (relaxed from strict), liveness turn");
    }
}
