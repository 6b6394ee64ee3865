"""The golden vectors of docs/vectors/encoding.json. From examples/python: python -m unittest discover tests"""

import json
import unittest
from pathlib import Path

from concordat_client import hashes, types
from concordat_client.encoding import EncodingError, decode, encode

VECTORS = json.loads((Path(__file__).parents[3] / "docs/vectors/encoding.json").read_text(encoding="utf-8"))

# What the hash of a type is over its bytes: docs/encoding.md, sections 3 and 6.
TAGS = {
    "batch": "batch",
    "certificate": "certificate",
    "genesis": "genesis",
    "header": "block-id",
    "parameters": "parameters",
    "signed_transaction": "record",
    "transaction": "transaction",
    "validator_set": "validators",
}


class Vectors(unittest.TestCase):
    def test_values_are_encoded_and_decoded(self):
        for vector in VECTORS["vectors"]:
            with self.subTest(vector["name"]):
                type_, data = getattr(types, vector["type"].upper()), bytes.fromhex(vector["bytes"])
                self.assertEqual(encode(type_, vector["value"]).hex(), vector["bytes"])
                self.assertEqual(decode(type_, data), vector["value"])

    def test_hashes(self):
        hashed = [vector for vector in VECTORS["vectors"] if "hash" in vector]
        self.assertEqual({vector["type"] for vector in hashed}, TAGS.keys())
        for vector in hashed:
            with self.subTest(vector["name"]):
                digest = hashes.tagged(TAGS[vector["type"]], bytes.fromhex(vector["bytes"]))
                self.assertEqual(digest.hex(), vector["hash"])

    def test_every_operation_has_a_vector(self):
        operations = [vector["value"] for vector in VECTORS["vectors"] if vector["type"] == "operation"]
        self.assertEqual({case for operation in operations for case in operation}, types.OPERATION.numbers.keys())

    def test_what_is_cut_short_or_goes_on_is_refused(self):
        for vector in VECTORS["vectors"]:
            type_, data = getattr(types, vector["type"].upper()), bytes.fromhex(vector["bytes"])
            for altered in (data[:-1], data + b"\x00"):
                with self.subTest(vector["name"]), self.assertRaises(EncodingError):
                    decode(type_, altered)

    def test_account_ids(self):
        for path, expected in VECTORS["accounts"].items():
            self.assertEqual(hashes.account_id(path), expected)

    def test_merkle_roots(self):
        for count, root in enumerate(VECTORS["merkle_roots"]):
            self.assertEqual(hashes.merkle_root([bytes([entry]) for entry in range(count)]).hex(), root)


if __name__ == "__main__":
    unittest.main()
