//! Random histories: nothing takes effect without its threshold, and nothing halts.

use super::*;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const NAMES: [&str; 7] = ["bank-a", "bank-b", "bank-c", "central-bank", "bank-n", "bank-o", "bank-z"];

fn random_change(random: &mut Random, chain: &Chain) -> Change {
    let member = member_id(random.pick(&NAMES));
    let other = member_id(random.pick(&NAMES));
    let key_name = format!("random {}", random.below(6));
    match random.below(20) {
        0 => Change::Suspend { member },
        1 | 2 => Change::Reactivate { member },
        3 => Change::Close { member, estate: other },
        4 => Change::Merge { member, into: other },
        5 | 6 => Change::RemoveValidator { member },
        7 | 8 => Change::AddValidator { member, key: bls(&key_name), possession: POSSESSION, power: 100 },
        9 => Change::SetPower { member, power: random.below(200) },
        10 => Change::SetIssuer { asset: asset_code("EUR"), issuer: member },
        11 => Change::SetQuota { asset: asset_code("EUR"), quota: random.below(1000).into() },
        12 => Change::ForcedTransfer {
            debit_account: account_id(random.pick(&["A", "B", "C"])),
            credit_account: account_id(random.pick(&["A", "B", "C"])),
            amount: random.below(50).into(),
        },
        13 => Change::SetThreshold {
            kind: ChangeKind(random.below(20) as u8),
            threshold: Threshold { parts: random.below(4) as u8, of: random.below(5) as u8 },
        },
        14 => Change::SetRoles { member, roles: Roles(random.below(9) as u32) },
        15 => Change::RotateConsensusKey { key: bls(&key_name), possession: POSSESSION },
        16 => Change::AddOperatorKey(OperatorKey { key: key(&key_name), rights: Rights::PAY }),
        17 => Change::SetAdminKeys(random_group(random)),
        18 => Change::ResetAdminKeys { member, admin_keys: random_group(random) },
        _ => {
            let request = governance::filing(&chain.world, member).and_then(|filing| filing.request);
            Change::Admit { member, request: request.unwrap_or(Hash::ZERO) }
        }
    }
}

fn random_group(random: &mut Random) -> KeyGroup {
    let keys = (0..1 + random.below(3)).map(|_| key(&format!("admin {}", random.below(8)))).collect();
    KeyGroup { k: random.below(4) as u8, keys }
}

fn random_operation(random: &mut Random, chain: &Chain, submitter: &str) -> Operation {
    let last = governance::governance(&chain.world).last_proposal.0;
    match random.below(12) {
        0..=2 => {
            let forced = random.below(8) == 0;
            let execute_at = (random.below(4) == 0).then(|| Height(chain.height + random.below(20)));
            let expires_at = Timestamp(chain.time + 1 + random.below(2 * DAY_MS));
            let change = random_change(random, chain);
            Operation::Propose(Proposal { change, reason: String::new(), expires_at, execute_at, forced })
        }
        3..=7 => {
            let id = ProposalId(last.saturating_sub(random.below(6)));
            let hash = governance::proposal(&chain.world, id).map_or(Hash::ZERO, |record| record.hash);
            Operation::Vote { proposal: id, hash, approve: random.below(5) > 0 }
        }
        8 => Operation::Withdraw { proposal: ProposalId(last.saturating_sub(random.below(6))) },
        9 => {
            let name = random.pick(&["bank-n", "bank-o"]);
            match random.below(3) {
                0 => Operation::RevokeInvite { member: member_id(name) },
                _ => invite(name, &format!("invitation {}", random.below(9)), chain.time + DAY_MS),
            }
        }
        10 => file_join(&request(submitter)),
        _ => {
            let key =
                governance::candidate(&chain.world, member_id(submitter)).map_or(bls("none"), |record| record.key);
            match governance::block_marks(&chain.world).last() {
                Some(mark) => Operation::ProveCaughtUp(CaughtUp {
                    height: mark.height,
                    block: mark.block,
                    key,
                    signature: POSSESSION,
                }),
                None => open("EUR", "z"),
            }
        }
    }
}

/// Who signs: mostly people who may.
fn random_signers(random: &mut Random, chain: &Chain, submitter: &str) -> Vec<Ed25519PublicKey> {
    let Some(member) = view::member(&chain.world, member_id(submitter)) else { return vec![key("nobody")] };
    let mut signers: Vec<Ed25519PublicKey> =
        member.admin_keys.keys.iter().filter(|_| random.below(3) > 0).copied().collect();
    if let Some(filing) = governance::filing(&chain.world, member.id) {
        signers.push(filing.invite.key);
        signers.extend(request(submitter).member.admin_keys.keys);
    }
    signers.extend(member.operator_keys.first().map(|operator| operator.key));
    signers.sort_unstable();
    signers.dedup();
    signers
}

/// Counts anew, from what was signed and what the registry says, whether a proposal may be adopted.
fn naive_is_adopted(chain: &Chain, record: &crate::ProposalRecord) -> bool {
    let approves = |name: &str| {
        let Some(member) = view::member(&chain.world, member_id(name)) else { return false };
        let signed: Vec<_> =
            record.ballots.iter().filter(|(id, _)| *id == member.id).flat_map(|(_, ballot)| &ballot.approve).collect();
        let count = member.admin_keys.keys.iter().filter(|key| signed.contains(key)).count();
        count >= usize::from(member.admin_keys.k)
    };
    if record.proposal.change.kind().is_own() {
        return approves(record.proposer.as_str());
    }
    let active: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| view::member(&chain.world, member_id(name)).is_some_and(|m| m.is_active()))
        .collect();
    let approving = active.iter().filter(|name| approves(name)).count();
    let (parts, of) = match record.proposal.forced {
        true => (5, 6),
        false => {
            let kind = record.proposal.change.kind();
            let own = governance::governance(&chain.world).thresholds.into_iter().find(|(other, _)| *other == kind);
            own.map_or((2, 3), |(_, threshold)| (usize::from(threshold.parts), usize::from(threshold.of)))
        }
    };
    approving * of > active.len() * parts
}

#[test]
fn random_histories_change_nothing_without_the_threshold_and_never_halt() {
    let seed = option_env!("CONCORDAT_SEED").and_then(|text| text.parse().ok()).unwrap_or(0x5eed_u64);
    let mut executed = 0;
    let mut codes = alloc::collections::BTreeSet::new();
    for history in 0..40 {
        let mut random = Random(seed + history);
        let mut chain = Chain::new();
        for name in ["A", "B", "C"] {
            fund(&mut chain.world, name, 100);
        }
        for _ in 0..250 {
            let before = registry(&chain.world);
            let pending: Vec<_> = governance::governance(&chain.world).agenda;
            chain.height += 1;
            chain.time += if random.below(30) == 0 { 2 * DAY_MS } else { random.below(20_000) };
            let time = Timestamp(chain.time);
            let submitters: Vec<&str> = (0..random.below(4)).map(|_| random.pick(&NAMES)).collect();
            let transactions: Vec<_> = submitters
                .iter()
                .filter_map(|submitter| {
                    chain.next_id += 1;
                    let operation = random_operation(&mut random, &chain, submitter);
                    let id = id_at(chain.next_id, time);
                    let mut transaction = transaction(submitter, id, time, vec![operation]);
                    transaction.signers = random_signers(&mut random, &chain, submitter);
                    let checked = sign_by_signers(transaction);
                    // Only what its submitter has signed comes into a block.
                    let mut inclusion = crate::Inclusion::new(&chain.world, time, WINDOW_MS);
                    inclusion.check(0, &checked).is_ok().then_some(checked)
                })
                .collect();
            let context = BlockContext {
                height: Height(chain.height),
                time,
                parent: block_id(chain.height - 1),
                ..BlockContext::default()
            };
            let say = || format!("seed {seed}, history {history}, height {}", chain.height);
            let first = execute(&chain.world, &context, &transactions).unwrap();
            let second = execute(&chain.world, &context, &transactions).unwrap();
            assert_eq!(first, second, "{}", say());
            codes.extend(first.results.iter().map(|result| result.operations[0].code));
            let checked = transactions.iter().map(|checked| &***checked);
            let leaves = crate::result_leaves(checked, &first.results, &first.events);
            assert_eq!(results_root(&leaves), first.results_root, "{}", say());
            chain.world.apply(&first);
            conservation_in_full(chain.world.accounts()).unwrap();
            for event in &first.events {
                if let BlockEvent::ProposalExecuted(id) = event {
                    executed += 1;
                    // It was adopted before this block began.
                    assert!(pending.iter().any(|item| item.proposal == *id && item.effect.is_some()), "{}", say());
                }
            }
            for (id, record) in proposals(&chain.world) {
                if record.state == (ProposalState::Adopted { at: Height(chain.height) }) {
                    assert!(naive_is_adopted(&chain, &record), "{}: {id}: {record:?}", say());
                }
            }
            // The registry of admitted members changes only by events.
            let has_executed = first.events.iter().any(|event| matches!(event, BlockEvent::ProposalExecuted(_)));
            if !has_executed {
                assert_eq!(before, registry(&chain.world), "{}", say());
            }
            check_sets(&chain, &say());
        }
    }
    assert!(executed > 150, "only {executed} proposals took effect");
    for code in [
        ResultCode::Ok,
        ResultCode::NotAuthorised,
        ResultCode::MemberNotActive,
        ResultCode::MemberExists,
        ResultCode::InviteUsed,
        ResultCode::AlreadyVoted,
        ResultCode::ProposalClosed,
        ResultCode::MemberNotFound,
        ResultCode::KeyInUse,
        ResultCode::StatusNotAllowed,
        ResultCode::ValueOutOfRange,
        ResultCode::NotAValidator,
    ] {
        assert!(codes.contains(&code), "{code} was never met: {codes:?}");
    }
}

fn proposals(world: &MemoryState) -> Vec<(ProposalId, crate::ProposalRecord)> {
    let records = world.state.iter().filter_map(|(key, value)| match (key, value) {
        (StateKey::Proposal(id), StateValue::Proposal(record)) => Some((*id, record.clone())),
        _ => None,
    });
    records.collect()
}

/// Members that were admitted, but for the validator's part, which a proof changes too.
fn registry(world: &MemoryState) -> Vec<Member> {
    let members = world.state.values().filter_map(|value| match value {
        StateValue::Member(member) => Some(Member { validator: None, ..member.clone() }),
        _ => None,
    });
    members.filter(|member| member.status as u8 >= MemberStatus::Active as u8).collect()
}

/// Who validates by the registry is in the newest set, with its key and power, and nobody else.
fn check_sets(chain: &Chain, say: &str) {
    let set = validators_after_next(&chain.world);
    let validating: Vec<_> = chain
        .world
        .state
        .values()
        .filter_map(|value| match value {
            StateValue::Member(member) => {
                let record = member.validator.as_ref()?;
                assert!(member.is_active(), "{say}: {member:?}");
                Some((member.id, record.key, record.power))
            }
            _ => None,
        })
        .collect();
    let in_set: Vec<_> = set.iter().map(|(_, validator)| (validator.member, validator.key, validator.power)).collect();
    assert_eq!(validating, in_set, "{say}");
}
