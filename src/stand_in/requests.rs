//! Remembers the PUTs that were answered, for tests and for the demonstration.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::clock::wall_now;
use crate::domain::WallTime;

/// How many requests are remembered.
const MAX: usize = 16_384;

/// One PUT as it came in and was answered; no field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// Whom it was about.
    pub person_id: String,
    /// The names of the fields, as they stood in the body; empty when that could not be read.
    pub fields: Vec<String>,
    /// How many images.
    pub images: usize,
    /// How it was answered.
    pub status: u16,
    /// When.
    pub at: WallTime,
}

#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<VecDeque<SeenRequest>>);

impl Requests {
    pub(super) fn note(&self, person_id: String, body: &[u8], status: u16) {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let fields = body.as_object().map(|fields| fields.keys().cloned().collect());
        let images = body.get("images").and_then(|images| images.as_array()).map_or(0, Vec::len);
        let fields = fields.unwrap_or_default();
        let seen = SeenRequest { person_id, fields, images, status, at: wall_now() };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == MAX {
            all.pop_front();
        }
        all.push_back(seen);
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn all(&self) -> Vec<SeenRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
