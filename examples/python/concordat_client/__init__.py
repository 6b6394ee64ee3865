"""A ledger of Concordat from Python: canonical bytes, signing, receipts. Written from docs/encoding.md, not from the Rust code."""
