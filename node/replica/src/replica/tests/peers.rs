//! What one peer may cost: how much it is answered, how much of what comes early is kept, and what ends its connection.

use super::*;
use crate::{
    message::{CertifiedBlock, HeldVotes, NodeStatus, Proposal},
    replica::serving::SERVED_BYTES_PER_S_MAX,
};
use concordat_types::{
    AccountId, Batch, BatchDigest, BatchMode, Bitmap, BodyRef, Purpose, Reference, Transfer, ValidatorSet,
    names::AccountPath,
};

/// A network that has decided three heights, each with a transaction; what it says is material for the one under test,
/// which has the same genesis.
struct Donor(Net);

impl Donor {
    fn new() -> Donor {
        let mut net = Net::started(4);
        for height in 1..=3 {
            let transaction = net.transaction(0, "EUR", height);
            net.submit(0, &[transaction]);
            assert!(net.run(10_000, |net| net.all_reached(height.into())));
        }
        Donor(net)
    }

    fn proposal(&self, height: u64) -> Proposal {
        let of = |(_, message): &(Option<MemberId>, Message)| match message {
            Message::Proposal(proposal) if proposal.header.height == Height(height) => Some((**proposal).clone()),
            _ => None,
        };
        self.0.nodes.iter().flat_map(|node| &node.sent).find_map(of).unwrap()
    }

    fn vote(&self, validator: u16, vote_type: VoteType, height: u64) -> SignedVote {
        let of = |(_, message): &(Option<MemberId>, Message)| match message {
            Message::Vote(signed) => Some(*signed).filter(|signed| {
                (signed.vote.height, signed.vote.vote_type, signed.validator.0)
                    == (Height(height), vote_type, validator)
            }),
            _ => None,
        };
        self.0.nodes.iter().flat_map(|node| &node.sent).find_map(of).unwrap()
    }

    fn certified(&self, height: u64) -> CertifiedBlock {
        self.0.certified(0, height)
    }
}

/// `bank-0` alone; the others are what the tests make of them.
fn alone() -> Net {
    let mut net = Net::new(4);
    net.start(0);
    for peer in 1..5 {
        let peer = net.nodes[peer].member;
        net.step(0, vec![Input::PeerConnected { peer }]);
    }
    net.nodes[0].sent.clear();
    net
}

fn status(tip: u64) -> Message {
    let (tip, tip_block) = (Height(tip), BlockId(concordat_types::Hash([9; 32])));
    Message::Status(NodeStatus { tip, tip_block, round: None, held: Vec::new(), clock_ms: EPOCH_MS })
}

fn replica(net: &Net) -> &Replica {
    net.nodes[0].replica.as_ref().unwrap()
}

// ---- what is answered ---------------------------------------------------------------------------------------------

/// About a megabyte: a batch of payments between accounts that nobody has opened.
fn large(net: &Net, number: u8) -> crate::mempool::Checked {
    let asset = AssetCode::new("EUR").unwrap();
    let account = |member: usize| {
        let path = AccountPath { member: net.nodes[member].member, asset, name: AccountName::new("none").unwrap() };
        AccountId::new(&path)
    };
    let transfer = |count: u32| {
        let mut random = [number; 10];
        random[..4].copy_from_slice(&count.to_le_bytes());
        Transfer {
            id: Uuid::from_parts(Timestamp(EPOCH_MS), random),
            debit_account: account(0),
            credit_account: account(1),
            amount: 1,
            reference: Reference::new("x").unwrap(),
            purpose: Purpose::new("").unwrap(),
            document: None,
        }
    };
    let transfers = (0..8_000).map(transfer).collect();
    net.signed(0, number, Operation::Batch { mode: BatchMode::Each, transfers })
}

fn answers(net: &mut Net, from: usize, request: &Message) -> usize {
    net.nodes[0].sent.clear();
    net.hear(0, from, request);
    let member = Some(net.nodes[from].member);
    net.nodes[0].sent.iter().filter(|(to, _)| *to == member).count()
}

#[test]
fn a_peer_is_answered_some_megabytes_a_second_and_others_are_not_the_worse_for_it() {
    let mut net = alone();
    let donor = Donor::new();
    net.hear(0, 1, &status(3));
    net.hear(0, 1, &Message::Blocks(vec![donor.certified(1)]));
    let transaction = large(&net, 1);
    net.submit(0, &[transaction]);
    let sent = net.nodes[0].sent.iter();
    let mut batch =
        sent.filter_map(|(_, message)| if let Message::Batch(bytes) = message { Some(bytes) } else { None });
    let batch = batch.next_back().unwrap().clone();
    let digest = Batch::digest_of(&batch);
    (1..4).for_each(|peer| net.hear(0, peer, &Message::BatchAck(vec![digest])));
    let request = Message::BatchRequest(vec![digest]);
    let blocks = Message::BlockRequest { from: Height(1), count: 1 };
    let nothing = Message::BlockRequest { from: Height(9), count: 1 };

    let most = SERVED_BYTES_PER_S_MAX / batch.len();
    assert!(most > 20, "small beside what is allowed");
    for second in 1..4 {
        net.time_ms = second * 1_000;
        let answered = (0..3 * most).map(|_| answers(&mut net, 2, &request)).sum::<usize>();
        assert_eq!(answered, most, "second {second}");
        let read = net.nodes[0].store.bodies_read();
        assert_eq!(answers(&mut net, 2, &blocks), 0, "blocks come out of the same allowance");
        assert_eq!(answers(&mut net, 2, &nothing), 0);
        assert_eq!(net.nodes[0].store.bodies_read(), read, "what is not answered is not looked up");
        assert_eq!(answers(&mut net, 3, &request), 1, "the other has its own");
        net.time_ms += 999;
        assert_eq!(answers(&mut net, 2, &request), 0);
    }
    net.time_ms += 1;
    assert_eq!(answers(&mut net, 2, &blocks), 1);
}

/// What a status asks for counts too: it is small, and a proposal and all votes are not.
#[test]
fn a_status_is_an_expensive_question_and_has_an_end() {
    let mut net = Net::started(4);
    net.delay_ms = (1..5).flat_map(|other| [((0, other), 50_000), ((other, 0), 50_000)]).collect();
    let transaction = net.transaction(0, "EUR", 1);
    net.run(3, |_| false);
    net.submit(1, &[transaction]);
    // It holds the proposal and some votes, and no decision.
    net.run(1_500, |_| false);
    let donor = Donor::new();
    net.hear(0, 1, &Message::Proposal(Box::new(donor.proposal(1))));
    net.hear(0, 2, &Message::Vote(donor.vote(2, VoteType::Prevote, 1)));
    let lacks = HeldVotes { round: Round(0), proposal: false, prevotes: Bitmap::new(4), precommits: Bitmap::new(4) };
    let ours = replica(&net).status();
    let asks = Message::Status(NodeStatus { held: vec![lacks], round: Some(Round(0)), ..ours });
    let of = |net: &Net, wanted: fn(&Message) -> bool| net.nodes[0].sent.iter().filter(|(_, m)| wanted(m)).count();
    answers(&mut net, 3, &asks);
    assert_eq!(of(&net, |message| matches!(message, Message::Proposal(_))), 1);
    assert!(of(&net, |message| matches!(message, Message::Vote(_))) >= 1);
    net.nodes[0].replica.as_mut().unwrap().may_serve(MemberId::new("bank-3").unwrap(), SERVED_BYTES_PER_S_MAX);
    answers(&mut net, 3, &asks);
    assert_eq!(of(&net, |message| matches!(message, Message::Proposal(_) | Message::Vote(_))), 0);
    let proposal = Message::ProposalRequest { height: Height(1), block: donor.proposal(1).header.id() };
    assert_eq!(answers(&mut net, 3, &proposal), 0);
    assert_eq!(answers(&mut net, 2, &proposal), 1);
}

// ---- what comes early ---------------------------------------------------------------------------------------------

/// Messages while height 1 is in work, then its block; how far that takes the node.
fn check_early(what: &str, donor: &Donor, early: &[(usize, Message)], tip: u64) {
    let mut net = alone();
    early.iter().for_each(|(from, message)| net.hear(0, *from, message));
    assert_eq!(net.tip(0), 0, "{what}");
    net.hear(0, 1, &status(3));
    net.hear(0, 1, &Message::Blocks(vec![donor.certified(1)]));
    net.run(10, |_| false);
    assert_eq!(net.tip(0), tip, "{what}");
    assert!(replica(&net).early.len() == 0, "{what}: nothing is kept for longer");
    assert_eq!(net.nodes[0].disconnected, [], "{what}");
}

#[test]
fn what_comes_early_is_kept_within_bounds_and_counts_in_its_height() {
    let donor = Donor::new();
    let proposal = |from: usize| (from, Message::Proposal(Box::new(donor.proposal(2))));
    let precommit = |by: u16, from: usize| (from, Message::Vote(donor.vote(by, VoteType::Precommit, 2)));
    let prevote = |by: u16, from: usize| (from, Message::Vote(donor.vote(by, VoteType::Prevote, 2)));
    let decided = [proposal(2), precommit(1, 1), precommit(2, 2), precommit(3, 3)];
    let with = |more: &[(usize, Message)]| [&decided[..], more].concat();
    let commit = |from: usize| (from, Message::Certificate(donor.certified(2).certificate));

    check_early("nothing", &donor, &[], 1);
    check_early("what decides the height", &donor, &decided, 2);
    check_early("twice", &donor, &[decided.clone(), decided.clone()].concat(), 2);
    check_early("too little", &donor, &decided[..3], 1);
    check_early("the certificate in place of votes", &donor, &[proposal(2), commit(1)], 2);
    // Followers pass on what others say: of them only certificates are worth room.
    check_early("votes from a follower", &donor, &[proposal(2), precommit(1, 1), precommit(2, 2), precommit(3, 4)], 1);
    check_early("a proposal from a follower", &donor, &[&[proposal(4)], &decided[1..]].concat(), 1);
    check_early("a certificate from a follower", &donor, &[proposal(2), commit(4)], 2);
    // The height after that is too far.
    let far = [
        (1, Message::Proposal(Box::new(donor.proposal(3)))),
        (1, Message::Certificate(donor.certified(3).certificate)),
    ];
    check_early("two heights ahead", &donor, &with(&far), 2);
    // A member's own oldest goes, nobody else's.
    let others = vec![prevote(2, 1); super::early::EARLY_PER_MEMBER_MAX - 1];
    check_early("as many as one may send", &donor, &with(&others), 2);
    let others = vec![prevote(2, 1); super::early::EARLY_PER_MEMBER_MAX];
    check_early("one more, and its precommit is forgotten", &donor, &with(&others), 1);
    let others = vec![prevote(2, 3); 100];
    check_early("a flood before its own precommit", &donor, &[&others[..], &decided[..]].concat(), 2);
    let flood = vec![prevote(2, 3); 100];
    let flooded = [&decided[..3], &flood[..], &decided[3..]].concat();
    check_early("a flood after what others have said", &donor, &flooded, 2);
    // One proposal a member: the newest.
    let mut other = donor.proposal(2);
    other.signed.vote.round = Round(50);
    let other = |from| (from, Message::Proposal(Box::new(other.clone())));
    check_early("another proposal of the same member", &donor, &with(&[other(2)]), 1);
    check_early("another proposal of another member", &donor, &with(&[other(3)]), 2);
}

// ---- what ends the connection -------------------------------------------------------------------------------------

/// At height 1, nothing decided yet: what the message brings its sender.
fn check_offence(what: &str, from: usize, message: &Message, expected: Option<&str>) {
    let mut net = alone();
    net.hear(0, from, message);
    judge_offence(what, &net, from, expected);
}

fn judge_offence(what: &str, net: &Net, from: usize, expected: Option<&str>) {
    let disconnected = &net.nodes[0].disconnected;
    match (expected, &disconnected[..]) {
        (None, []) => {}
        (Some(reason), [(member, got)]) => {
            assert_eq!(*member, net.nodes[from].member, "{what}");
            assert!(got.contains(reason), "{what}: {got}");
        }
        _ => panic!("{what}: expected {expected:?}, got {disconnected:?}"),
    }
}

fn forged() -> BlsSignature {
    let network = NetworkId(concordat_types::Hash([5; 32]));
    test_keys::signed(network, 3, test_keys::precommit(Height(1), BlockId(concordat_types::Hash([5; 32])))).signature
}

#[test]
fn proposals_that_cost_the_connection() {
    let donor = Donor::new();
    let network = donor.0.genesis.network_id();
    let good = donor.proposal(1);
    let check = |what: &str, change: &dyn Fn(&mut Proposal), expected: Option<&str>| {
        let mut proposal = good.clone();
        change(&mut proposal);
        check_offence(what, 2, &Message::Proposal(Box::new(proposal)), expected);
    };
    let resign = |proposal: &mut Proposal, validator: u16| {
        proposal.signed.vote.block = Some(proposal.header.id());
        proposal.signed = test_keys::signed(network, validator, proposal.signed.vote);
    };
    check("a good one, relayed", &|_| {}, None);
    check("another header", &|p| p.header.time.0 += 1, Some("whose header is not the one it names"));
    check("a header of another height", &|p| p.header.height = Height(2), Some("whose header is not"));
    check("a vote", &|p| p.signed.vote.vote_type = VoteType::Prevote, Some("whose header is not"));
    check("not well formed", &|p| p.signed.vote.valid_round = Some(Round(0)), Some("whose header is not"));
    let other = BodyRef::Digest(BatchDigest(concordat_types::Hash([3; 32])));
    check("another body", &|p| p.body = vec![other.clone()], Some("body that its header does not bind"));
    check("no body", &|p| p.body.clear(), Some("body that its header does not bind"));
    let certificate = donor.certified(1).certificate;
    check("another last certificate", &|p| p.last_certificate = Some(certificate.clone()), Some("does not bind"));
    check("another record", &|p| p.participation = Some(certificate.clone()), Some("does not bind"));
    check("out of turn", &|p| resign(p, 2), Some("whose turn it is not in round 0"));
    check("a bad signature", &|p| p.signed.signature = forged(), Some("bad signature"));
    let borrowed = |p: &mut Proposal| {
        p.header.proposer = MemberId::new("bank-3").unwrap();
        resign(p, 1);
    };
    check("another's block as its own", &borrowed, Some("in whose header another is the proposer"));
    let again = |p: &mut Proposal| {
        p.signed.vote.round = Round(1);
        p.signed.vote.valid_round = Some(Round(0));
        resign(p, 2);
    };
    check("a block proposed again", &again, None);
    let badly = |p: &mut Proposal| {
        again(p);
        let commit = certificate.clone();
        p.polka = Some(Certificate { kind: CertificateKind::Polka, signature: forged(), ..commit });
    };
    check("again, with a polka that is none", &badly, Some("certificate that does not verify"));
    let far = |p: &mut Proposal| {
        p.signed.vote.round = Round(200);
        p.signed.signature = forged();
    };
    check("of a round too far away to be looked at", &far, None);
    let second = |p: &mut Proposal| {
        p.header.time.0 += 1;
        resign(p, 1);
    };
    check("another good one", &second, None);
}

#[test]
fn votes_and_certificates_that_cost_the_connection() {
    let donor = Donor::new();
    let network = donor.0.genesis.network_id();
    let set: ValidatorSet = donor.0.genesis.validators().unwrap();
    let commit = donor.certified(1).certificate;
    let vote = donor.vote(2, VoteType::Prevote, 1);
    let bad = SignedVote { signature: forged(), ..vote };
    check_offence("a good vote", 2, &Message::Vote(vote), None);
    check_offence("a good vote, relayed", 3, &Message::Vote(vote), None);
    check_offence("a forged vote", 2, &Message::Vote(bad), Some("a vote that is not good"));
    check_offence("a forged vote, relayed", 3, &Message::Vote(bad), Some("a vote that is not good"));
    let nobody = SignedVote { validator: ValidatorIndex(set.len() as u16), ..vote };
    check_offence("a vote of nobody", 2, &Message::Vote(nobody), Some("a vote that is not good"));
    let mut malformed = vote.vote;
    (malformed.valid_round, malformed.block) = (Some(Round(0)), None);
    let malformed = test_keys::signed(network, 2, malformed);
    check_offence("not well formed", 2, &Message::Vote(malformed), Some("a vote that is not good"));
    let ours = SignedVote { validator: ValidatorIndex(0), ..bad };
    check_offence("a forged vote in our name", 2, &Message::Vote(ours), Some("in our name that is not ours"));

    check_offence("a good certificate", 4, &Message::Certificate(commit.clone()), None);
    let bad_commit = Certificate { signature: forged(), ..commit.clone() };
    let reason = Some("a certificate that does not verify");
    check_offence("a forged certificate", 4, &Message::Certificate(bad_commit.clone()), reason);
    let mut few = commit.clone();
    few.signers = Bitmap::new(set.len());
    few.signers.insert(ValidatorIndex(1));
    few.signers.insert(ValidatorIndex(2));
    check_offence("a certificate of too few", 4, &Message::Certificate(few), reason);

    let round = |votes: &[SignedVote], certificates: &[Certificate]| Message::RoundCertificate {
        votes: votes.to_vec(),
        certificates: certificates.to_vec(),
    };
    check_offence("a good round certificate", 3, &round(&[vote], std::slice::from_ref(&commit)), None);
    check_offence("with a forged vote", 3, &round(&[vote, bad], &[]), Some("a vote that is not good"));
    check_offence("with a forged certificate", 3, &round(&[vote], &[bad_commit]), reason);
}

/// Of heights that are decided here.
#[test]
fn old_votes_and_certificates_that_cost_the_connection() {
    let donor = Donor::new();
    let network = donor.0.genesis.network_id();
    let commit = donor.certified(1).certificate;
    let other = BlockId(concordat_types::Hash([8; 32]));
    let check = |what: &str, message: &Message, expected: Option<&str>, stops: bool| {
        let mut net = alone();
        net.hear(0, 1, &status(3));
        net.hear(0, 1, &Message::Blocks(vec![donor.certified(1)]));
        assert_eq!(net.tip(0), 1, "{what}");
        net.hear(0, 2, message);
        judge_offence(what, &net, 2, expected);
        let stopped = replica(&net).telemetry().stopped_reason;
        assert_eq!(stopped.is_some_and(|reason| reason.contains("two certified blocks")), stops, "{what}");
    };
    check("the same certificate", &Message::Certificate(commit.clone()), None, false);
    let forged_one = Certificate { block: other, ..commit.clone() };
    check("a forged one for another block", &Message::Certificate(forged_one), Some("of an old height"), false);
    let vote = test_keys::precommit(Height(1), other);
    let votes: Vec<_> = [1, 2, 3].map(|by| test_keys::signed(network, by, vote).signature).to_vec();
    let mut signers = Bitmap::new(4);
    [1, 2, 3].iter().for_each(|by| signers.insert(ValidatorIndex(*by)));
    let signature = concordat_crypto::bls::aggregate(&votes).unwrap();
    let (kind, height, valid_round) = (CertificateKind::Commit, Height(1), None);
    let fork = Certificate { kind, height, round: Round(0), valid_round, block: other, signers, signature };
    check("a good one for another block: nobody signs after that", &Message::Certificate(fork), None, true);

    let absent = (0..4).find(|by| !commit.signers.contains(ValidatorIndex(*by))).unwrap();
    let late = test_keys::signed(
        network,
        absent,
        Vote { round: commit.round, ..test_keys::precommit(Height(1), commit.block) },
    );
    if absent != 2 {
        check("a late precommit, relayed", &Message::Vote(late), None, false);
        let bad = SignedVote { signature: forged(), ..late };
        check("a forged late precommit, relayed", &Message::Vote(bad), Some("a precommit that is not good"), false);
    }
}

/// A signature with our own key that is on no record: nobody's connection, but the end of our signing.
#[test]
fn a_vote_of_our_key_that_we_never_made_stops_the_signing() {
    let mut net = alone();
    let vote = test_keys::precommit(Height(1), BlockId(concordat_types::Hash([8; 32])));
    let signed = test_keys::signed(net.genesis.network_id(), 0, vote);
    net.hear(0, 2, &Message::Vote(signed));
    assert_eq!(net.nodes[0].disconnected, []);
    assert!(replica(&net).telemetry().stopped_reason.unwrap().contains("another process holds the key"));
}

#[test]
fn answers_with_blocks_that_cost_the_connection() {
    let donor = Donor::new();
    let good = || donor.certified(1);
    let check = |what: &str, blocks: Vec<CertifiedBlock>, expected: Option<&str>, tip: u64| {
        let mut net = alone();
        net.hear(0, 1, &Message::Blocks(blocks.clone()));
        assert_eq!(net.tip(0), 0, "{what}: not asked for");
        judge_offence(what, &net, 1, None);
        net.hear(0, 1, &status(3));
        net.hear(0, 2, &Message::Blocks(blocks.clone()));
        assert_eq!(net.tip(0), 0, "{what}: asked of another");
        judge_offence(what, &net, 1, None);
        net.hear(0, 1, &Message::Blocks(blocks));
        judge_offence(what, &net, 1, expected);
        assert_eq!(net.tip(0), tip, "{what}");
        let doubted = replica(&net).peers[&net.nodes[1].member].doubted_until_ms > net.time_ms;
        assert_eq!(doubted, tip == 0 || expected.is_some(), "{what}: who does not deliver is not asked for a while");
    };
    check("good ones", vec![good(), donor.certified(2), donor.certified(3)], None, 3);
    check("nothing", vec![], None, 0);
    check("of a height that was not asked for", vec![donor.certified(2)], None, 0);
    let mut other = good();
    other.certificate = donor.certified(2).certificate;
    check("the certificate of another height", vec![other], Some("certificate of another"), 0);
    let mut other = good();
    other.block.header.time.0 += 1;
    check("another header", vec![other], Some("certificate of another"), 0);
    let mut other = good();
    other.certificate.signature = forged();
    check("a forged certificate", vec![other], Some("certificate that does not verify"), 0);
    let mut other = good();
    other.certificate.kind = CertificateKind::Polka;
    check("a polka", vec![other], Some("certificate of another"), 0);
    let mut other = good();
    other.block.body.batches = donor.certified(2).block.body.batches;
    check("another body", vec![other], Some("header does not bind its batches"), 0);
    let mut other = donor.certified(2);
    other.block.body.last_certificate = None;
    check("a good one and a bad one", vec![good(), other], Some("header does not bind its last certificate"), 1);
}

#[test]
fn what_a_broken_peer_still_sends_does_not_count_until_it_connects_again() {
    let donor = Donor::new();
    let mut net = alone();
    let forged_one = SignedVote { signature: forged(), ..donor.vote(1, VoteType::Prevote, 1) };
    let proposal = Message::Proposal(Box::new(donor.proposal(1)));
    let is_known = |net: &Net| !replica(net).known.is_empty();
    net.hear(0, 1, &Message::Vote(forged_one));
    assert_eq!(net.nodes[0].disconnected.len(), 1);
    net.hear(0, 1, &proposal);
    net.hear(0, 1, &status(3));
    net.hear(0, 1, &Message::Vote(forged_one));
    assert!(!is_known(&net) && replica(&net).sync.is_none());
    assert_eq!(net.nodes[0].disconnected.len(), 1, "once is enough");
    let peer = net.nodes[1].member;
    net.step(0, vec![Input::PeerDisconnected { peer }, Input::PeerConnected { peer }]);
    net.hear(0, 1, &proposal);
    assert!(is_known(&net), "nobody is banned for ever");
}
