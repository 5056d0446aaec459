//! Delivers queued updates to the persons API and decides what each answer means.
