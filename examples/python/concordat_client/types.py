"""The types of docs/encoding.md, section by section."""

from .encoding import BLOB, BOOL, EMPTY, HASH, TEXT, U8, U16, U32, U64, U128, UUID, Choice, Enum, Fixed, List, Name, Option
from .encoding import Record, Tuple

# Names
MEMBER_ID = Name(r"[a-z0-9-]{1,32}")
ASSET_CODE = Name(r"[A-Z0-9.]{1,12}")
ACCOUNT_NAME = Name(r"[a-z0-9._-]{1,32}")
REFERENCE = Name(r"[A-Za-z0-9 /\-?:().,'+]{0,36}")
PURPOSE = Name(r"[A-Z0-9]{0,4}")

ACCOUNT_ID, ED25519_KEY, ED25519_SIGNATURE, BLS_KEY, BLS_SIGNATURE = (Fixed(size) for size in (16, 32, 64, 48, 96))
AMOUNT = U128
TIER = U8
BUSINESS_DATE = U32

# Operations
TRANSFER = Record(
    id=UUID,
    debit_account=ACCOUNT_ID,
    credit_account=ACCOUNT_ID,
    amount=AMOUNT,
    reference=REFERENCE,
    purpose=PURPOSE,
    document=Option(HASH),
)
PENDING_REF = Record(submitter=MEMBER_ID, id=UUID)
LEG = Record(debit_account=ACCOUNT_ID, credit_account=ACCOUNT_ID, amount=AMOUNT)
LIMITS = Record(
    transfer_max=Option(AMOUNT),
    day_max=Option(AMOUNT),
    net_debit_max=Option(AMOUNT),
    balance_max=Option(AMOUNT),
    second_key_above=Option(AMOUNT),
)
LIMIT_SCOPE = Choice(
    account=(0, ACCOUNT_ID),
    tier=(1, Record(asset=ASSET_CODE, tier=TIER)),
    member=(2, Record(asset=ASSET_CODE)),
    bilateral=(3, Record(asset=ASSET_CODE, counterparty=MEMBER_ID)),
)
FREEZE_TARGET = Choice(account=(0, ACCOUNT_ID), asset=(1, ASSET_CODE), member=(2, MEMBER_ID))
ASSET_KIND = Enum(
    central_bank_money=0, deposit_token=1, stablecoin=2, security=3, registered_asset=4, time_credit=5
)
HOLD = Record(
    id=UUID,
    debit_account=ACCOUNT_ID,
    credit_account=ACCOUNT_ID,
    amount=AMOUNT,
    expires_at=U64,
    posted_by=Enum(debtor=0, creditor=1),
    reference=REFERENCE,
    purpose=PURPOSE,
    document=Option(HASH),
)
OFFER = Record(id=UUID, legs=List(LEG), deadline=U64, reference=REFERENCE, document=Option(HASH))
OPERATION = Choice(
    open_account=(
        1,
        Record(
            asset=ASSET_CODE, name=ACCOUNT_NAME, parent=Option(ACCOUNT_ID), customer=Option(HASH), tier=Option(TIER)
        ),
    ),
    issue=(2, Record(id=UUID, asset=ASSET_CODE, credit_account=ACCOUNT_ID, amount=AMOUNT, reference=REFERENCE)),
    transfer=(3, TRANSFER),
    batch=(4, Record(mode=Enum(each=0, all=1), transfers=List(TRANSFER))),
    redeem=(5, Record(id=UUID, debit_account=ACCOUNT_ID, amount=AMOUNT, reference=REFERENCE)),
    hold=(6, HOLD),
    post=(7, Record(id=UUID, hold=PENDING_REF, amount=AMOUNT)),
    void=(8, Record(hold=PENDING_REF)),
    offer=(9, OFFER),
    accept=(10, Record(offer=PENDING_REF)),
    cancel=(11, Record(offer=PENDING_REF)),
    close_account=(12, Record(account=ACCOUNT_ID)),
    change_account=(13, Record(account=ACCOUNT_ID, parent=Option(ACCOUNT_ID), tier=Option(TIER))),
    set_limits=(14, Record(scope=LIMIT_SCOPE, limits=LIMITS)),
    freeze=(15, Record(target=FREEZE_TARGET, debits=BOOL, credits=BOOL, reference=REFERENCE)),
    end_of_day=(16, Record(next=BUSINESS_DATE)),
    create_asset=(
        17, Record(code=ASSET_CODE, decimals=U8, kind=ASSET_KIND, issuer=MEMBER_ID, quota=AMOUNT)
    ),
    set_quota=(18, Record(asset=ASSET_CODE, quota=AMOUNT)),
)

# Transactions
TRANSACTION = Record(
    version=U8,
    network=HASH,
    submitter=MEMBER_ID,
    id=UUID,
    valid_until=U64,
    signers=List(ED25519_KEY),
    operations=List(OPERATION),
)
SIGNED_TRANSACTION = Record(bytes=BLOB, signatures=List(Record(key=ED25519_KEY, signature=ED25519_SIGNATURE)))
BATCH = Record(transactions=List(SIGNED_TRANSACTION))

# Validators, votes, headers
VALIDATOR_SET = List(Record(member=MEMBER_ID, key=BLS_KEY, power=U64))
BITMAP = Record(bits=U16, bytes=BLOB)
VOTE = Record(
    type=Enum(proposal=1, prevote=2, precommit=3),
    height=U64,
    round=U32,
    valid_round=Option(U32),
    block=Option(HASH),
)
CERTIFICATE = Record(
    kind=Enum(polka=2, commit=3),
    height=U64,
    round=U32,
    valid_round=Option(U32),
    block=HASH,
    signers=BITMAP,
    signature=BLS_SIGNATURE,
)
HEADER = Record(
    version=U16,
    network=HASH,
    height=U64,
    time=U64,
    parent=HASH,
    batches_root=HASH,
    transactions_root=HASH,
    results_root=HASH,
    state_root=HASH,
    validators=HASH,
    next_validators=HASH,
    parameters=HASH,
    last_certificate=HASH,
    participation=HASH,
    evidence_root=HASH,
    proposer=MEMBER_ID,
)

# Results
RESULT_LEAF = Choice(
    item=(
        0,
        Record(
            tx_index=U32,
            operation=U16,
            item=U32,
            transaction=HASH,
            id=UUID,
            body=HASH,
            code=U16,
            repeat=BOOL,
            bookings=List(LEG),
        ),
    ),
    event=(1, Record(index=U32, event=Choice(hold_expired=(0, PENDING_REF), offer_expired=(1, PENDING_REF)))),
)

# Proofs
INCLUSION_PATH = Record(leaf=HASH, siblings=List(Tuple(Enum(left=0, right=1), HASH)))
STATE_PROOF = Record(path=List(Tuple(U8, HASH)), leaf=Option(Tuple(HASH, HASH)))

# Members and assets, as in genesis and in the state
KEY_GROUP = Record(k=U8, keys=List(ED25519_KEY))
MEMBER = Record(
    id=MEMBER_ID,
    legal_name=TEXT,
    lei=TEXT,
    bic=TEXT,
    roles=U32,
    status=Enum(invited=0, filed=1, approved=2, active=3, suspended=4, closing=5, closed=6),
    frozen=Record(debits=BOOL, credits=BOOL),
    admin_keys=KEY_GROUP,
    recovery_keys=KEY_GROUP,
    operator_keys=List(Record(key=ED25519_KEY, rights=U32)),
    access_keys=List(Record(key=HASH, rights=U32)),
    node=Option(Record(tls_key=HASH, peer_address=TEXT, client_address=TEXT)),
    validator=Option(Record(key=BLS_KEY, possession=BLS_SIGNATURE, power=U64)),
)
ASSET = Record(code=ASSET_CODE, decimals=U8, issuer=MEMBER_ID, kind=ASSET_KIND, quota=AMOUNT, frozen=BOOL)
ACCOUNT = Record(
    owner=MEMBER_ID,
    asset=ASSET_CODE,
    name=ACCOUNT_NAME,
    flags=U16,
    parent=Option(ACCOUNT_ID),
    customer=Option(HASH),
    tier=Option(TIER),
    children=U32,
    debits_posted=AMOUNT,
    credits_posted=AMOUNT,
    debits_pending=AMOUNT,
    credits_pending=AMOUNT,
    blinding=Fixed(16),
)
PARAMETERS = Record(
    timeout_propose_ms=U32,
    timeout_prevote_ms=U32,
    timeout_precommit_ms=U32,
    timeout_step_ms=U32,
    timeout_max_ms=U32,
    heartbeat_ms=U32,
    precision_ms=U32,
    delay_ms=U32,
    tx_bytes_max=U32,
    block_bytes_max=U32,
    block_transfers_max=U32,
    transfers_per_tx_max=U32,
    id_window_ms=U64,
    evidence_window_heights=U64,
    evidence_window_ms=U64,
)
GENESIS = Record(
    version=U16,
    name=TEXT,
    time=U64,
    trial=BOOL,
    parameters=PARAMETERS,
    members=List(MEMBER),
    assets=List(ASSET),
)

# The state: those keys and values that there are proofs of
STATE_KEY = Choice(member=(3, MEMBER_ID), asset=(4, ASSET_CODE), account=(5, ACCOUNT_ID))
STATE_VALUE = Choice(member=(3, MEMBER), asset=(4, ASSET), account=(5, ACCOUNT))
