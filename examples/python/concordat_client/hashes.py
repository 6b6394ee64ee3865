"""Domain-separated hashes, trees and what is signed (docs/encoding.md)."""

import hashlib

from . import types
from .encoding import U32, encode


def tagged(tag, *parts):
    """SHA-256(length of the tag as one byte, tag, parts), as bytes."""
    name = f"concordat/{tag}/v1".encode()
    return hashlib.sha256(bytes([len(name)]) + name + b"".join(parts)).digest()


def network_id(genesis):
    return tagged("genesis", encode(types.GENESIS, genesis)).hex()


def account_id(path):
    """Of `bank-a/EUR/main`."""
    member, asset, name = path.split("/")
    parts = encode(types.MEMBER_ID, member), encode(types.ASSET_CODE, asset), encode(types.ACCOUNT_NAME, name)
    return tagged("account-id", *parts)[:16].hex()


def block_id(header):
    return tagged("block-id", encode(types.HEADER, header)).hex()


def validators_hash(validators):
    return tagged("validators", encode(types.VALIDATOR_SET, validators)).hex()


def transaction_hash(data):
    """Of a transaction's canonical bytes: what its signatures sign."""
    return tagged("transaction", data)


def vote_bytes(network, epoch, vote):
    """What a validator signs."""
    tag = b"concordat/vote/v1"
    return bytes([len(tag)]) + tag + bytes.fromhex(network) + encode(U32, epoch) + encode(types.VOTE, vote)


def leaf_hash(entry):
    """RFC 6962."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(entries):
    level = [leaf_hash(entry) for entry in entries]
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [node_hash(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def inclusion_root(path):
    """Where an inclusion path leads."""
    below = bytes.fromhex(path["leaf"])
    for side, sibling in path["siblings"]:
        sibling = bytes.fromhex(sibling)
        below = node_hash(sibling, below) if side == "left" else node_hash(below, sibling)
    return below.hex()


def state_key_hash(key):
    return tagged("state-key", encode(types.STATE_KEY, key))


def state_value_hash(value):
    return tagged("state-value", encode(types.STATE_VALUE, value))


def bit_of(key_hash, bit):
    """Bit 0 is the most significant of the first byte."""
    return key_hash[bit // 8] >> (7 - bit % 8) & 1


def state_root(proof):
    """Where a proof of the state leads."""
    if proof["leaf"] is None:
        return bytes(32).hex()
    key, value = (bytes.fromhex(part) for part in proof["leaf"])
    below = tagged("state-leaf", key, value)
    for bit, other in reversed(proof["path"]):
        children = (below, bytes.fromhex(other))
        left, right = children if bit_of(key, bit) == 0 else reversed(children)
        below = tagged("state-node", bytes([bit]), left, right)
    return below.hex()
