//! Serves the local API, events and pages.
