//! Measures the quality of a face, one file a measure, in the vocabulary of ISO/IEC 29794-5.
