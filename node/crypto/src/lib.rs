//! node/crypto
