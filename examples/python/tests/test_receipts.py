"""The verifier against a chain made up here: four validators of a genesis, one of whom is replaced. Takes some seconds: the
pairings are plain Python."""

import copy
import unittest

from py_ecc.bls import G2ProofOfPossession as bls

from concordat_client import hashes, receipts, types
from concordat_client.encoding import decode, encode

TIME, CHANGE, HEIGHT = 1_700_000_000_000, 9, 20
ZERO = "00" * 32
SECRETS = [1000 + number for number in range(5)]
KEYS = [bls.SkToPk(secret).hex() for secret in SECRETS]


def validators(numbers):
    return [{"member": f"bank-{number}", "key": KEYS[number], "power": 100} for number in numbers]


FIRST, SECOND = range(4), range(1, 5)


def member(number):
    group = {"k": 1, "keys": [f"{number:02x}" * 32]}
    possession = bls.PopProve(SECRETS[number]).hex()
    return {
        "id": f"bank-{number}",
        "legal_name": "A bank",
        "lei": "",
        "bic": "",
        "roles": 2,
        "status": "active",
        "frozen": {"debits": False, "credits": False},
        "admin_keys": group,
        "recovery_keys": group,
        "operator_keys": [],
        "access_keys": [],
        "node": None,
        "validator": {"key": KEYS[number], "possession": possession, "power": 100},
    }


GENESIS = {
    "version": 1,
    "name": "made up",
    "time": TIME,
    "trial": True,
    "parameters": {name: 1 for name in types.PARAMETERS.fields},
    "members": [member(number) for number in FIRST],
    "assets": [],
}
NETWORK = hashes.network_id(GENESIS)

TRANSFER = {
    "id": "018bcfe5-6800-7bab-abab-abababababab",
    "debit_account": hashes.account_id("bank-0/EUR/main"),
    "credit_account": hashes.account_id("bank-1/EUR/main"),
    "amount": 1250,
    "reference": "INV-7",
    "purpose": "",
    "document": None,
}
LEAF = {
    "item": {
        "tx_index": 0,
        "operation": 0,
        "item": 0,
        "transaction": "11" * 32,
        "id": TRANSFER["id"],
        "body": hashes.tagged("transfer", encode(types.TRANSFER, TRANSFER)).hex(),
        "code": 0,
        "repeat": False,
        "bookings": [],
    }
}
SIBLING = hashes.leaf_hash(b"another result")
LEAF_HASH = hashes.leaf_hash(encode(types.RESULT_LEAF, LEAF))

ACCOUNT_KEY = {"account": TRANSFER["debit_account"]}
ACCOUNT = {
    "account": {
        "owner": "bank-0",
        "asset": "EUR",
        "name": "main",
        "flags": 0,
        "parent": None,
        "customer": None,
        "tier": None,
        "children": 0,
        "debits_posted": 1250,
        "credits_posted": 9000,
        "debits_pending": 0,
        "credits_pending": 0,
        "blinding": "09" * 16,
    }
}


def state_proof():
    """A tree of two leaves: the account's and one that parts from it in the first bit."""
    key, value = hashes.state_key_hash(ACCOUNT_KEY), hashes.state_value_hash(ACCOUNT)
    return {"path": [[0, "22" * 32]], "leaf": [key.hex(), value.hex()]}


def header(height):
    numbers = [FIRST if at <= CHANGE else SECOND for at in (height, height + 1)]
    now, following = (hashes.validators_hash(validators(of)) for of in numbers)
    return {
        "version": 1,
        "network": NETWORK,
        "height": height,
        "time": TIME + height,
        "parent": ZERO,
        "batches_root": ZERO,
        "transactions_root": ZERO,
        "results_root": hashes.node_hash(LEAF_HASH, SIBLING).hex(),
        "state_root": hashes.state_root(state_proof()),
        "validators": now,
        "next_validators": following,
        "parameters": ZERO,
        "last_certificate": ZERO,
        "participation": ZERO,
        "evidence_root": ZERO,
        "proposer": "bank-1",
    }


def certified(height, kind="commit", signers=3):
    """Header and certificate in hex, signed by the first validators of the height's set."""
    numbers = FIRST if height <= CHANGE else SECOND
    block = hashes.block_id(header(height))
    vote = {"height": height, "round": 0, "valid_round": None, "block": block}
    vote_type = "precommit" if kind == "commit" else "prevote"
    message = hashes.vote_bytes(NETWORK, 0, {"type": vote_type, **vote})
    signature = bls.Aggregate([bls.Sign(SECRETS[number], message) for number in numbers[:signers]])
    bitmap = {"bits": 4, "bytes": f"{(1 << signers) - 1:02x}"}
    certificate = {"kind": kind, **vote, "signers": bitmap, "signature": signature.hex()}
    return {
        "header": encode(types.HEADER, header(height)).hex(),
        "certificate": encode(types.CERTIFICATE, certificate).hex(),
    }


def finality():
    next_validators = encode(types.VALIDATOR_SET, validators(SECOND)).hex()
    change = {**certified(CHANGE), "next_validators": next_validators}
    return {**certified(HEIGHT), "set_changes": [change], "anchor": "genesis"}


def receipt():
    path = {"leaf": LEAF_HASH.hex(), "siblings": [["right", SIBLING.hex()]]}
    return {
        "schema": receipts.RECEIPT,
        "network_id": NETWORK,
        "says": None,
        "subject": {"transfer": encode(types.TRANSFER, TRANSFER).hex()},
        "leaf": encode(types.RESULT_LEAF, LEAF).hex(),
        "path": encode(types.INCLUSION_PATH, path).hex(),
        "finality": finality(),
    }


def proof():
    return {
        "schema": receipts.PROOF,
        "network_id": NETWORK,
        "says": None,
        "of": {"account": "bank-0/EUR/main"},
        "key": encode(types.STATE_KEY, ACCOUNT_KEY).hex(),
        "value": encode(types.STATE_VALUE, ACCOUNT).hex(),
        "proof": encode(types.STATE_PROOF, state_proof()).hex(),
        "finality": finality(),
    }


class Receipts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.anchor = receipts.GenesisAnchor(GENESIS)
        cls.receipt, cls.proof = receipt(), proof()

    def refused(self, file, part, *place):
        """With the last digit of the value in a place altered, the error names the part."""
        altered = copy.deepcopy(file)
        *way, last = place
        holder = altered
        for step in way:
            holder = holder[step]
        text = holder[last]
        holder[last] = text[:-1] + ("1" if text[-1] == "0" else "0")
        self.refuse(altered, part)

    def refuse(self, file, part):
        with self.assertRaises(receipts.Refused) as caught:
            receipts.verify(file, self.anchor)
        self.assertEqual(caught.exception.part, part, caught.exception)

    def test_a_receipt_is_verified_from_genesis_across_a_change(self):
        found, leaf, transfer = receipts.verify(self.receipt, self.anchor)
        self.assertEqual((found["height"], leaf["code"], transfer), (HEIGHT, 0, TRANSFER))

    def test_a_balance_is_verified(self):
        found, _, value = receipts.verify(self.proof, self.anchor)
        self.assertEqual((found["height"], value), (HEIGHT, ACCOUNT))

    def test_what_was_altered_is_named(self):
        self.refused(self.receipt, "network", "network_id")
        self.refused(self.receipt, "subject", "subject", "transfer")
        self.refused(self.receipt, "leaf", "leaf")
        self.refused(self.receipt, "path", "path")
        self.refused(self.receipt, "header", "finality", "header")
        self.refused(self.receipt, "certificate", "finality", "certificate")
        for name in ("header", "certificate", "next_validators"):
            self.refused(self.receipt, "set_change", "finality", "set_changes", 0, name)
        self.refused(self.proof, "key", "key")
        self.refused(self.proof, "value", "value")
        self.refused(self.proof, "path", "proof")

    def test_a_change_that_is_missing_is_noticed(self):
        self.refuse({**self.receipt, "finality": {**self.receipt["finality"], "set_changes": []}}, "set_change")

    def test_a_polka_or_too_few_signers_make_nothing_final(self):
        # What is signed does not hold the certificate's own kind: a commit that calls itself a polka is none either.
        renamed = decode(types.CERTIFICATE, bytes.fromhex(self.receipt["finality"]["certificate"]))
        renamed = {"certificate": encode(types.CERTIFICATE, {**renamed, "kind": "polka"}).hex()}
        for other in (certified(HEIGHT, kind="polka"), renamed, certified(HEIGHT, signers=2)):
            self.refuse({**self.receipt, "finality": {**self.receipt["finality"], **other}}, "certificate")

    def test_an_absent_value_is_not_shown_by_the_leaf_of_the_account(self):
        self.refuse({**self.proof, "value": None}, "value")


if __name__ == "__main__":
    unittest.main()
