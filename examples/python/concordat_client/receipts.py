"""Verifies receipts and proofs offline: nothing but hashes, BLS signatures, and an anchor to trust (docs/receipts.md)."""

import json

from py_ecc.bls import G2ProofOfPossession as bls

from . import hashes, types
from .encoding import EncodingError, decode, encode

RECOVERY_EPOCH = 0
CHANGES_MAX = 4096


class Refused(Exception):
    """`part` names what was altered."""

    def __init__(self, part, cause):
        super().__init__(f"{part}: {cause}")
        self.part = part


class GenesisAnchor:
    """What is trusted from the beginning: the founders' genesis."""

    def __init__(self, genesis):
        self.height = 0
        self.network = hashes.network_id(genesis)
        self.time = genesis["time"]
        self.validators = []
        for member in genesis["members"]:
            record = member["validator"]
            if record is None or member["status"] != "active":
                continue
            key, possession = bytes.fromhex(record["key"]), bytes.fromhex(record["possession"])
            # Without it keys could be chosen so that their sum is somebody's own.
            if not bls.PopVerify(key, possession):
                raise Refused("genesis", f"{member['id']} has not proved that it holds its consensus key")
            self.validators.append({"member": member["id"], "key": record["key"], "power": record["power"]})

    def begin(self, start):
        if start != "genesis":
            raise Refused("anchor", "the proof begins at a checkpoint, and a genesis was given")
        return self.network, self.validators


class CheckpointAnchor:
    """A block that is known to be final from elsewhere."""

    def __init__(self, height, block):
        self.height, self.block = height, block

    def begin(self, start):
        if start == "genesis":
            raise Refused("anchor", "the proof begins at genesis, and a checkpoint was given")
        header = part("anchor", types.HEADER, start["checkpoint"]["header"])
        validators = part("anchor", types.VALIDATOR_SET, start["checkpoint"]["next_validators"])
        if hashes.block_id(header) != self.block or header["height"] != self.height:
            raise Refused("anchor", "it is another block")
        if hashes.validators_hash(validators) != header["next_validators"]:
            raise Refused("anchor", "its validators are not the ones that the block names")
        self.time = header["time"]
        return header["network"], validators


def part(name, type_, text):
    """Canonical bytes in lower-case hex."""
    try:
        data = bytes.fromhex(text)
        if data.hex() != text:
            raise EncodingError("not lower-case hex")
        return decode(type_, data)
    except ValueError as error:
        raise Refused(name, error) from error


def load_genesis(path):
    """genesis.json holds the genesis in JSON, the names of its fields those of docs/encoding.md."""
    with open(path, encoding="utf-8") as file:
        genesis = json.load(file)["genesis"]
    for member in genesis["members"]:
        member.setdefault("frozen", {"debits": False, "credits": False})
    return genesis


def verify_finality(finality, network, anchor):
    """The header, if a quorum of its validators has certified it."""
    trusted_network, validators = anchor.begin(finality["anchor"])
    if network != trusted_network:
        raise Refused("network", f"it is of network {network}, the anchor of {trusted_network}")
    height = anchor.height
    changes = finality["set_changes"]
    if len(changes) > CHANGES_MAX:
        raise Refused("set_change", f"{len(changes)} changes of the validator set")
    for change in changes:
        header = certified(change, "set_change", "set_change", network, validators, height)
        next_validators = part("set_change", types.VALIDATOR_SET, change["next_validators"])
        if header["next_validators"] == header["validators"]:
            raise Refused("set_change", "the set stays as it is")
        if hashes.validators_hash(next_validators) != header["next_validators"]:
            raise Refused("set_change", "the validators are not the ones that the header names")
        height, validators = header["height"], next_validators
    return certified(finality, "header", "certificate", network, validators, height)


def certified(pair, header_part, certificate_part, network, validators, after):
    """A header whose commit certificate is good for these validators, later than a height."""
    header = part(header_part, types.HEADER, pair["header"])
    certificate = part(certificate_part, types.CERTIFICATE, pair["certificate"])
    block, set_hash = hashes.block_id(header), hashes.validators_hash(validators)
    fault = fault_of(certificate, network, validators)
    if fault and block == certificate["block"] and header["validators"] != set_hash:
        raise Refused("set_change", "the changes do not lead to the set that the header names")
    if fault:
        raise Refused(certificate_part, fault)
    if block != certificate["block"]:
        raise Refused(header_part, "it is not the one that was certified")
    if header["height"] != certificate["height"] or header["network"] != network or header["version"] != 1:
        raise Refused(header_part, "height, network or version are not what they have to be")
    if header["validators"] != set_hash:
        raise Refused(header_part, "it names other validators")
    if header["height"] <= after:
        raise Refused("anchor" if header_part == "header" else header_part, f"it is not later than height {after}")
    return header


def fault_of(certificate, network, validators):
    """What is wrong with a commit certificate; None if nothing is."""
    bitmap = certificate["signers"]
    bits, flags = bitmap["bits"], bytes.fromhex(bitmap["bytes"])
    if certificate["kind"] != "commit" or certificate["valid_round"] is not None:
        return "it is of no commit"
    if bits != len(validators) or len(flags) != (bits + 7) // 8:
        return "its bitmap is for another number of validators"
    if any(flags[i // 8] >> i % 8 & 1 for i in range(bits, 8 * len(flags))):
        return "padding bits are set"
    signers = [validator for i, validator in enumerate(validators) if flags[i // 8] >> i % 8 & 1]
    total = sum(validator["power"] for validator in validators)
    if 3 * sum(validator["power"] for validator in signers) <= 2 * total:
        return "its signers are no quorum"
    vote = {
        "type": "precommit",
        "height": certificate["height"],
        "round": certificate["round"],
        "valid_round": None,
        "block": certificate["block"],
    }
    message = hashes.vote_bytes(network, RECOVERY_EPOCH, vote)
    keys = [bytes.fromhex(validator["key"]) for validator in signers]
    good = bls.FastAggregateVerify(keys, message, bytes.fromhex(certificate["signature"]))
    return None if good else "the signature is not of its signers"


def verify(file, anchor):
    """A receipt or a proof as read from its JSON. Returns what was proved: the header, and leaf and subject, or key and value."""
    schema = file.get("schema")
    if schema not in FIELDS or file.keys() != FIELDS[schema]:
        raise Refused("file", "neither a receipt nor a proof, or of another form")
    header = verify_finality(file["finality"], file["network_id"], anchor)
    if schema == RECEIPT:
        return header, *verify_receipt(file, header)
    return header, *verify_proof(file, header)


def verify_receipt(file, header):
    path = part("path", types.INCLUSION_PATH, file["path"])
    leaf = part("leaf", types.RESULT_LEAF, file["leaf"])
    if hashes.inclusion_root(path) != header["results_root"]:
        raise Refused("path", "it does not lead to the results root of the header")
    if hashes.leaf_hash(encode(types.RESULT_LEAF, leaf)).hex() != path["leaf"]:
        raise Refused("leaf", "it is not the one that the path begins with")
    if "event" in leaf:
        if file["subject"] != "event":
            raise Refused("subject", "nobody asked for an event")
        return leaf["event"], None
    return leaf["item"], subject_of(file["subject"], leaf["item"])


def subject_of(subject, leaf):
    """What was asked for: a transfer, or an operation."""
    if not isinstance(subject, dict) or len(subject) != 1:
        raise Refused("subject", "not one of its cases")
    (kind, text), = subject.items()
    if kind == "transfer":
        content = part("subject", types.TRANSFER, text)
        bound, id_ = hashes.tagged("transfer", bytes.fromhex(text)), content["id"]
    elif kind == "operation":
        content = part("subject", types.OPERATION, text)
        bound, id_ = hashes.tagged("transfer", bytes.fromhex(text)), next(iter(content.values())).get("id")
    elif kind == "transaction":
        transaction = part("subject", types.TRANSACTION, text)
        bound, id_ = hashes.transaction_hash(bytes.fromhex(text)), transaction["id"]
        if bound.hex() != leaf["transaction"] or leaf["item"] or leaf["operation"] >= len(transaction["operations"]):
            raise Refused("subject", "it is another transaction, or has no such operation")
        content = transaction["operations"][leaf["operation"]]
    else:
        raise Refused("subject", f"there is no kind {kind!r}")
    if bound.hex() != leaf["body"] or id_ != leaf["id"]:
        raise Refused("subject", "it is not what the leaf is about")
    return content


def verify_proof(file, header):
    key = part("key", types.STATE_KEY, file["key"])
    value = None if file["value"] is None else part("value", types.STATE_VALUE, file["value"])
    proof = part("path", types.STATE_PROOF, file["proof"])
    if key != key_of(file["of"]):
        raise Refused("key", "it is of something else than the file says")
    bits = [bit for bit, _ in proof["path"]]
    if bits != sorted(set(bits)) or (proof["leaf"] is None and bits):
        raise Refused("path", "its bits do not ascend")
    if hashes.state_root(proof) != header["state_root"]:
        raise Refused("path", "it does not lead to the state root of the header")
    wanted = hashes.state_key_hash(key)
    leaf_key, leaf_value = (bytes.fromhex(text) for text in proof["leaf"])
    if any(hashes.bit_of(wanted, bit) != hashes.bit_of(leaf_key, bit) for bit in bits):
        raise Refused("key", "the path is not the way of the key")
    if value is None and leaf_key == wanted:
        raise Refused("value", "the key has a value")
    if value is not None and leaf_key != wanted:
        raise Refused("key", "the path ends at the leaf of another key")
    if value is not None and hashes.state_value_hash(value) != leaf_value:
        raise Refused("value", "the key has another value")
    return key, value


def key_of(of):
    if not isinstance(of, dict) or len(of) != 1:
        raise Refused("key", "the file does not say whose value it is")
    (kind, name), = of.items()
    return {"account": hashes.account_id(name)} if kind == "account" else {kind: name}


RECEIPT, PROOF = "concordat.receipt.v1", "concordat.proof.v1"
FIELDS = {
    RECEIPT: {"schema", "network_id", "says", "subject", "leaf", "path", "finality"},
    PROOF: {"schema", "network_id", "says", "of", "key", "value", "proof", "finality"},
}
