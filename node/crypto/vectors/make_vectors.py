#!/usr/bin/env python3
"""Writes bls.json beside this file: BLS vectors made by py_ecc, an implementation independent of blst.

    python3 -m venv /tmp/py_ecc && /tmp/py_ecc/bin/pip install py_ecc==8.0.0
    /tmp/py_ecc/bin/python node/crypto/vectors/make_vectors.py

Secrets are derived from their numbers: the file never changes unless this script does. Takes about a minute.
"""

import hashlib
import json
import pathlib

from py_ecc.bls import G2ProofOfPossession as bls
from py_ecc.bls.g2_primitives import G1_to_pubkey, G2_to_signature, pubkey_to_G1, signature_to_G2
from py_ecc.bls.point_compression import compress_G1, compress_G2
from py_ecc.optimized_bls12_381 import (
    FQ, FQ2, G1, Z1, Z2, add, b, b2, curve_order, field_modulus, is_on_curve, multiply, neg, normalize,
)

SIGNERS = 7


def secret(number):
    digest = hashlib.sha256(b"concordat/bls-vector/%d" % number).digest()
    return int.from_bytes(digest, "big") % curve_order


def sum_of(secrets):
    return sum(secrets) % curve_order


secrets = [secret(i) for i in range(SIGNERS)]
keys = [bls.SkToPk(s) for s in secrets]
messages = [b"", b"concordat", bytes(range(256)), b"\x00" * 32]


def single_cases():
    for signer in range(3):
        for message in messages:
            yield {
                "secret": secrets[signer].to_bytes(32, "big").hex(),
                "key": keys[signer].hex(),
                "message": message.hex(),
                "signature": bls.Sign(secrets[signer], message).hex(),
            }


def case(signers, message, signature, name):
    chosen = [keys[i] for i in signers]
    expected = bls.FastAggregateVerify(chosen, message, signature) if chosen else False
    return {
        "name": name,
        "keys": [k.hex() for k in chosen],
        "message": message.hex(),
        "signature": signature.hex(),
        "expected": bool(expected),
    }


def aggregate_cases():
    message = messages[1]
    all_signed = [bls.Sign(s, message) for s in secrets]
    for count in (1, 2, 4, SIGNERS):
        yield case(range(count), message, bls.Aggregate(all_signed[:count]), f"{count} signers")
    whole = bls.Aggregate(all_signed)
    yield case(range(SIGNERS - 1), message, whole, "a key is missing")
    yield case([0, 1, 2, 3, 4, 5, 5], message, whole, "a key stands for another")
    yield case(range(SIGNERS), messages[0], whole, "another message")
    yield case(range(SIGNERS), message, bls.Aggregate(all_signed[:-1]), "a signature is missing")
    yield case([], message, whole, "no keys")
    identity = bytes([0xC0]) + bytes(95)
    yield case([0], message, identity, "the identity as signature")
    negated = G2_to_signature(neg(signature_to_G2(whole)))
    yield case(range(SIGNERS), message, negated, "the negated signature")


def possession_cases():
    for signer in range(3):
        proof = bls.PopProve(secrets[signer])
        yield {"key": keys[signer].hex(), "proof": proof.hex(), "expected": bool(bls.PopVerify(keys[signer], proof))}
    proof = bls.PopProve(secrets[0])
    yield {"key": keys[1].hex(), "proof": proof.hex(), "expected": bool(bls.PopVerify(keys[1], proof))}
    # A signature over the key under the domain of messages proves nothing.
    signed = bls.Sign(secrets[0], keys[0])
    yield {"key": keys[0].hex(), "proof": signed.hex(), "expected": bool(bls.PopVerify(keys[0], signed))}


def hex48(z):
    return z.to_bytes(48, "big").hex()


def outside_subgroup_g1():
    x = 1
    while True:
        y_squared = FQ(x) ** 3 + b
        y = y_squared ** ((field_modulus + 1) // 4)
        if y * y == y_squared:
            point = (FQ(x), y, FQ(1))
            if multiply(point, curve_order) != Z1 and multiply(point, curve_order)[2] != FQ(0):
                return hex48(compress_G1(point))
        x += 1


def outside_subgroup_g2():
    from py_ecc.bls.point_compression import modular_squareroot_in_FQ2

    x = 1
    while True:
        y = modular_squareroot_in_FQ2(FQ2([x, 0]) ** 3 + b2)
        if y is not None:
            point = (FQ2([x, 0]), y, FQ2([1, 0]))
            assert is_on_curve(point, b2)
            if multiply(point, curve_order)[2] != FQ2([0, 0]):
                z1, z2 = compress_G2(point)
                return hex48(z1) + hex48(z2)
        x += 1


def not_canonical_g1():
    """The x coordinate with the field's modulus added still fits 381 bits for some points."""
    number = 0
    while True:
        compressed = int.from_bytes(bls.SkToPk(secret(1000 + number)), "big")
        flags, x = compressed >> 381, compressed % 2**381
        if x + field_modulus < 2**381:
            return hex48((flags << 381) + x + field_modulus)
        number += 1


def not_canonical_g2():
    number = 0
    while True:
        signature = bls.Sign(secret(2000 + number), b"concordat")
        low = int.from_bytes(signature[48:], "big")
        if low + field_modulus < 2**384:
            return signature[:48].hex() + hex48(low + field_modulus)
        number += 1


def not_on_curve_g1():
    x = 1
    while True:
        y_squared = FQ(x) ** 3 + b
        y = y_squared ** ((field_modulus + 1) // 4)
        if y * y != y_squared:
            return hex48((0b100 << 381) + x)
        x += 1


def invalid_keys():
    good = keys[0]
    return {
        "identity": bytes([0xC0]).hex() + "00" * 47,
        "identity with the sign bit": bytes([0xE0]).hex() + "00" * 47,
        "identity with other bits": bytes([0xC0]).hex() + "00" * 46 + "01",
        "outside the subgroup": outside_subgroup_g1(),
        "not canonical": not_canonical_g1(),
        "not on the curve": not_on_curve_g1(),
        "without the compression bit": bytes([good[0] & 0x7F]).hex() + good[1:].hex(),
        "zeros": "00" * 48,
        "ones": "ff" * 48,
    }


def invalid_signatures():
    good = bls.Sign(secrets[0], messages[1])
    return {
        "identity": bytes([0xC0]).hex() + "00" * 95,
        "identity with the sign bit": bytes([0xE0]).hex() + "00" * 95,
        "identity with other bits": bytes([0xC0]).hex() + "00" * 94 + "01",
        "outside the subgroup": outside_subgroup_g2(),
        "not canonical": not_canonical_g2(),
        "without the compression bit": bytes([good[0] & 0x7F]).hex() + good[1:].hex(),
        "zeros": "00" * 96,
        "ones": "ff" * 96,
    }


def cancelling_keys():
    """Two keys that add up to the identity, both with good proofs of possession."""
    pair = [secrets[0], curve_order - secrets[0]]
    message = messages[1]
    identity = bytes([0xC0]) + bytes(95)
    return {
        "keys": [bls.SkToPk(s).hex() for s in pair],
        "proofs": [bls.PopProve(s).hex() for s in pair],
        "message": message.hex(),
        "signatures": [bls.Sign(s, message).hex() for s in pair],
        "sum": identity.hex(),
    }


def rogue_key():
    """G * t - P: with it, t alone signs for the key and P together. Only the missing proof of possession stops it."""
    t = secret(3000)
    rogue = add(multiply(G1, t), neg(pubkey_to_G1(keys[0])))
    message = messages[1]
    return {
        "keys": [keys[0].hex(), G1_to_pubkey(rogue).hex()],
        "message": message.hex(),
        "signature": bls.Sign(t, message).hex(),
        "forged_proof": bls.PopProve(t).hex(),
    }


vectors = {
    "made_by": "py_ecc 8.0.0, G2ProofOfPossession, by make_vectors.py",
    "single": list(single_cases()),
    "aggregate": list(aggregate_cases()),
    "possession": list(possession_cases()),
    "invalid_keys": invalid_keys(),
    "invalid_signatures": invalid_signatures(),
    "cancelling_keys": cancelling_keys(),
    "rogue_key": rogue_key(),
}
path = pathlib.Path(__file__).with_name("bls.json")
path.write_text(json.dumps(vectors, indent=1) + "\n")
