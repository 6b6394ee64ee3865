//! validator/keys
