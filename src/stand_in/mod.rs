//! Stands in for the persons API on loopback, with faults on request.
