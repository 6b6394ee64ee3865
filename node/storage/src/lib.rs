//! node/storage
