"""A bank's back office in one script: pays, follows the ledger from where it left off, keeps a receipt of each payment and
verifies it offline from the genesis.

    python back_office.py --profile net/bank-a --genesis net/genesis.json --to bank-b/EUR/main --amount 12.50 --count 3

The cursor lies in a file: a script that is killed goes on where it was, without gap or duplicate.
"""

import argparse
import json
import os
from decimal import Decimal
from pathlib import Path

from concordat_client import hashes, receipts, types
from concordat_client.encoding import decode
from concordat_client.ledger import Ledger, Profile


def main():
    options = parse_options()
    profile = Profile(options.profile)
    anchor = receipts.GenesisAnchor(genesis := receipts.load_genesis(options.genesis))
    if anchor.network != profile.network_id:
        raise SystemExit(f"the genesis is of network {anchor.network}, the profile of {profile.network_id}")
    ledger = Ledger(profile)
    account = f"{profile.member}/EUR/main"

    open_payments = {}
    for number in range(options.count):
        id_, reply = ledger.pay(account, options.to, minor_units(options.amount, genesis), f"PY-{number}")
        (result,) = (outcome.result for outcome in reply.results)
        print(f"paid {id_}: result {result}, height {reply.height}")
        if result != 0:
            raise SystemExit(f"the ledger refused it: docs/errors.md, {result}")
        open_payments[id_] = reply.height

    # What was paid is seen again in the blocks, each with the block that holds it.
    for block in ledger.follow(read_cursor(options.cursor)):
        check_block(block)
        for transaction in block.visible:
            id_ = dashed(transaction.id.hex())
            if open_payments.pop(id_, None) == block.height:
                verify_payment(ledger, anchor, id_, options)
        write_cursor(options.cursor, block.height + 1)
        if not open_payments:
            break
    verify_balance(ledger, anchor, account)


def check_block(block):
    """What the server says of a block follows from its header."""
    header = decode(types.HEADER, block.header)
    if hashes.block_id(header) != block.block_id.hex() or header["height"] != block.height:
        raise SystemExit(f"the server shows another header at height {block.height}")


def verify_payment(ledger, anchor, id_, options):
    receipt = ledger.receipt_of(id_)
    (header, leaf, transfer) = receipts.verify(receipt, anchor)
    if (leaf["code"], transfer["credit_account"]) != (0, hashes.account_id(options.to)):
        raise SystemExit(f"the receipt of {id_} is of another payment")
    path = options.receipts / f"{id_}.json"
    path.write_text(json.dumps(receipt, indent=1), encoding="utf-8")
    print(f"verified {id_}: {transfer['amount']} minor units, final at height {header['height']}")


def verify_balance(ledger, anchor, account):
    header, _, value = receipts.verify(ledger.proof_of(account), anchor)
    balance = value["account"]["credits_posted"] - value["account"]["debits_posted"]
    print(f"verified balance {balance} of {account} at height {header['height']}")


def minor_units(amount, genesis):
    """Without floats."""
    (asset,) = (asset for asset in genesis["assets"] if asset["code"] == "EUR")
    scaled = Decimal(amount).scaleb(asset["decimals"])
    if scaled != int(scaled):
        raise SystemExit(f"{amount} has more decimals than EUR")
    return int(scaled)


def read_cursor(path):
    """The first height that was not worked off."""
    return int(path.read_text(encoding="ascii")) if path.exists() else 1


def write_cursor(path, height):
    """Whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(str(height), encoding="ascii")
    os.replace(fresh, path)


def dashed(text):
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", type=Path, required=True, help="folder with profile.toml")
    parser.add_argument("--genesis", type=Path, required=True, help="genesis.json, which is trusted")
    parser.add_argument("--to", required=True, help="account to pay, such as bank-b/EUR/main")
    parser.add_argument("--amount", default="1.00")
    parser.add_argument("--count", type=int, default=1, help="how many payments")
    parser.add_argument("--cursor", type=Path, default=Path("cursor"))
    parser.add_argument("--receipts", type=Path, default=Path("."), help="folder to keep receipts in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
