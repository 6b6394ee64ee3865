//! Rules of the code base that no compiler checks: who may depend on whom, what the deciding crates may touch, and a
//! few habits that text shows.

mod files;
mod manifests;
mod purity;
mod text;
