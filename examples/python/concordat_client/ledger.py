"""A node of the ledger over gRPC and mutual TLS. The stubs are generated from the .proto files (see README.md)."""

import os
import secrets
import time
import tomllib
from pathlib import Path

import grpc
from concordat.v1 import ledger_pb2, ledger_pb2_grpc

from . import hashes, keys


class Profile:
    """A folder with profile.toml, as `concordat` uses it."""

    def __init__(self, folder):
        folder = Path(folder)
        with open(folder / "profile.toml", "rb") as file:
            profile = tomllib.load(file)
        self.member, self.network_id = profile["member"], profile["network_id"]
        self.endpoint, self.trust = profile["endpoints"][0], folder / profile["trust"][0]
        self.operator_key, self.access_key = folder / profile["operator_key"], folder / profile["access_key"]
        # The file that the environment names, before the one that only trial networks have.
        passphrase = os.environ.get("CONCORDAT_PASSPHRASE_FILE") or folder / profile["passphrase_file"]
        self.passphrase = Path(passphrase).read_bytes().rstrip(b"\r\n")

    def channel(self):
        """Both sides show a certificate; the server's is trusted by itself, whatever its name."""
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self.trust.read_bytes(),
            private_key=self.access_key.read_bytes(),
            certificate_chain=self.access_key.with_suffix(".crt").read_bytes(),
        )
        options = [("grpc.ssl_target_name_override", "concordat"), ("grpc.max_receive_message_length", 64 << 20)]
        return grpc.secure_channel(self.endpoint, credentials, options)


class Ledger:
    def __init__(self, profile):
        self.profile = profile
        self.stub = ledger_pb2_grpc.LedgerStub(profile.channel())
        self.signing_key = keys.load_operator_key(profile.operator_key, profile.passphrase)

    def pay(self, debit, credit, amount, reference="", id_=None):
        """One payment in minor units. The same id again books nothing twice. Gives the id and what the ledger answered."""
        id_ = id_ or new_id()
        transfer = {
            "id": id_,
            "debit_account": hashes.account_id(debit),
            "credit_account": hashes.account_id(credit),
            "amount": amount,
            "reference": reference,
            "purpose": "",
            "document": None,
        }
        transaction = {
            "version": 1,
            "network": self.profile.network_id,
            "submitter": self.profile.member,
            "id": id_,
            "valid_until": time_of(id_) + VALID_FOR_MS,
            "operations": [{"transfer": transfer}],
        }
        signed = keys.sign(transaction, [self.signing_key])
        return id_, self.stub.Submit(ledger_pb2.SubmitRequest(signed_transaction=signed), timeout=30)

    def receipt_of(self, id_):
        """The receipt of a transfer of this member, in the form of its file (docs/receipts.md), less what it says to people."""
        kind = ledger_pb2.GetOutcomeRequest.TRANSFER
        by_id = ledger_pb2.GetReceiptRequest.ById(id=bytes.fromhex(id_.replace("-", "")), kind=kind)
        receipt = self.stub.GetReceipt(ledger_pb2.GetReceiptRequest(id=by_id), timeout=30)
        subject = receipt.WhichOneof("subject")
        return {
            "schema": "concordat.receipt.v1",
            "network_id": receipt.finality.network_id.hex(),
            "says": None,
            "subject": {subject: getattr(receipt, subject).hex()} if subject else "event",
            "leaf": receipt.leaf.hex(),
            "path": receipt.path.hex(),
            "finality": finality_file(receipt.finality),
        }

    def proof_of(self, account):
        """That an account of this member holds what it holds, at the newest height."""
        proof = self.stub.GetProof(ledger_pb2.GetProofRequest(account=account), timeout=30)
        return {
            "schema": "concordat.proof.v1",
            "network_id": proof.finality.network_id.hex(),
            "says": None,
            "of": {"account": account},
            "key": proof.key.hex(),
            "value": proof.value.hex() if proof.HasField("value") else None,
            "proof": proof.proof.hex(),
            "finality": finality_file(proof.finality),
        }

    def follow(self, from_height):
        """Blocks from a height on, without gap or duplicate, and with no end."""
        return self.stub.Watch(ledger_pb2.WatchRequest(from_height=from_height))


def finality_file(finality):
    names = ("header", "certificate", "next_validators")
    anchor = "genesis"
    if finality.HasField("checkpoint"):
        checkpoint = finality.checkpoint
        anchor = {"checkpoint": {name: getattr(checkpoint, name).hex() for name in ("header", "next_validators")}}
    return {
        "header": finality.header.hex(),
        "certificate": finality.certificate.hex(),
        "set_changes": [{name: getattr(change, name).hex() for name in names} for change in finality.set_changes],
        "anchor": anchor,
    }


def new_id():
    """A UUID of version 7 (RFC 9562): milliseconds, then randomness."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def time_of(id_):
    return int(id_.replace("-", "")[:12], 16)


VALID_FOR_MS = 3_600_000
