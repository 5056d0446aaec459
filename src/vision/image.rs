//! Decodes frames into pictures, crops portraits and encodes them.
