//! keyfob
