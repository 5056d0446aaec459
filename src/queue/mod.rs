//! Keeps person updates on disk, sealed and in order, until they are delivered.
