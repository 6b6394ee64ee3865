"""Operator keys: encrypted files (docs/encoding.md, "Key files"), and what they sign."""

import json
import os

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.signing import SigningKey

from . import hashes, types
from .encoding import TEXT, U32, encode


class KeyFileError(Exception):
    pass


def load_operator_key(path, passphrase):
    """The Ed25519 key of a file that `concordat` has written."""
    if os.stat(path).st_mode & 0o077:
        raise KeyFileError(f"{path} may be read by others: chmod 600")
    with open(path, encoding="utf-8") as file:
        sealed = json.load(file)
    kdf = sealed["kdf"]
    if (sealed["version"], sealed["kind"], kdf["name"], kdf["lanes"]) != (1, "operator", "argon2id", 1):
        raise KeyFileError(f"{path} is no operator key of version 1")
    if kdf["memory_kib"] > 1 << 20 or kdf["passes"] > 16:
        raise KeyFileError(f"{path}: the cost of the key derivation is out of range")
    associated = associated_data(sealed)
    ciphertext = bytes.fromhex(sealed["ciphertext"])
    if hashes.tagged("sealed-file", associated, ciphertext).hex() != sealed["checksum"]:
        raise KeyFileError(f"{path} is damaged")
    key = argon2id.kdf(
        32, passphrase, bytes.fromhex(kdf["salt"]), opslimit=kdf["passes"], memlimit=kdf["memory_kib"] * 1024
    )
    try:
        seed = crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, bytes.fromhex(sealed["nonce"]), key)
    except CryptoError as error:
        raise KeyFileError(f"{path}: the passphrase is wrong") from error
    signing_key = SigningKey(seed)
    if signing_key.verify_key.encode().hex() != sealed["public_key"]:
        raise KeyFileError(f"{path}: the public key is not that of the secret")
    return signing_key


def associated_data(sealed):
    """Every field before the ciphertext."""
    kdf = sealed["kdf"]
    head = [sealed[name] for name in ("kind", "public_key", "cipher", "nonce")]
    costs = [kdf[name] for name in ("memory_kib", "passes", "lanes")]
    return b"".join(
        [encode(U32, sealed["version"]), *(encode(TEXT, text) for text in head), encode(TEXT, kdf["name"])]
        + [*(encode(U32, cost) for cost in costs), encode(TEXT, kdf["salt"])]
    )


def sign(transaction, signing_keys):
    """Canonical bytes of a `SignedTransaction`. Who signs stands in what is signed."""
    keys = sorted(signing_keys, key=lambda key: key.verify_key.encode())
    transaction = {**transaction, "signers": [key.verify_key.encode().hex() for key in keys]}
    data = encode(types.TRANSACTION, transaction)
    digest = hashes.transaction_hash(data)
    signatures = [
        {"key": key.verify_key.encode().hex(), "signature": key.sign(digest).signature.hex()} for key in keys
    ]
    return encode(types.SIGNED_TRANSACTION, {"bytes": data.hex(), "signatures": signatures})
