//! Validators leave and come by vote, as whole networks see it, with a crash after each step.

use super::*;
use concordat_types::{Change, Proposal, ProposalId};

struct Governed {
    net: Net,
    number: u8,
}

impl Governed {
    fn started() -> Governed {
        Governed { net: Net::started(4), number: 100 }
    }

    /// In a block, then one node is killed and comes back. Time passes, so that the ledger marks blocks.
    fn commit(&mut self, member: usize, operation: Operation) {
        self.number += 1;
        let (secret, key) = test_keys::admin(member as u16);
        let transaction = self.net.signed_by(secret, key, member, self.number, operation);
        let height = self.net.tip(0) + 1;
        self.net.time_ms += 2_000;
        self.net.submit(0, &[transaction]);
        assert!(self.net.run(30_000, |net| net.all_reached(height)), "height {height}");
        let code = match &self.net.nodes[0].replies.last().unwrap().1 {
            crate::SubmitOutcome::Committed { result, .. } => result.operations[0].code,
            crate::SubmitOutcome::Refused(refusal) => panic!("{refusal}"),
        };
        assert_eq!(code, concordat_types::ResultCode::Ok);
        let crashed = 1 + usize::from(self.number) % 3;
        self.net.stop(crashed);
        self.net.start(crashed);
        self.agree();
    }

    /// Some blocks more.
    fn grow(&mut self, heights: u64) {
        for _ in 0..heights {
            self.number += 1;
            let transaction = self.net.transaction(0, "EUR", self.number);
            let height = self.net.tip(0) + 1;
            self.net.time_ms += 2_000;
            self.net.submit(0, &[transaction]);
            assert!(self.net.run(30_000, |net| net.all_reached(height)), "height {height}");
        }
        self.agree();
    }

    /// All nodes have the same state, and none has anything to say against another.
    fn agree(&mut self) {
        let tip = (0..self.net.nodes.len()).map(|node| self.net.tip(node)).max().unwrap();
        assert!(self.net.run(30_000, |net| net.all_reached(tip)), "height {tip}");
        let roots: Vec<_> =
            (0..self.net.nodes.len()).map(|node| self.telemetry(node)).map(|t| (t.height, t.state_root)).collect();
        assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
        for node in &self.net.nodes {
            assert!(
                node.alarms.is_empty() && node.disconnected.is_empty(),
                "{:?} {:?}",
                node.alarms,
                node.disconnected
            );
        }
    }

    fn telemetry(&self, node: usize) -> crate::Telemetry {
        self.net.nodes[node].replica.as_ref().unwrap().telemetry()
    }

    /// Filed by bank-0 and voted for by enough of the five members; takes effect in the block after.
    fn decide(&mut self, change: Change) {
        let expires_at = Timestamp(EPOCH_MS + self.net.time_ms + 3_600_000);
        let proposal = Proposal { change, reason: String::new(), expires_at, execute_at: None, forced: false };
        self.commit(0, Operation::Propose(proposal));
        let governance = crate::query::governance(&self.net.nodes[0].store).unwrap().unwrap();
        let id: ProposalId = governance.last_proposal;
        let hash = crate::query::proposal(&self.net.nodes[0].store, id).unwrap().unwrap().hash;
        for voter in [1, 2, 4] {
            self.commit(voter, Operation::Vote { proposal: id, hash, approve: true });
        }
        // An idle network makes a block for it.
        let height = self.net.tip(0) + 1;
        assert!(self.net.run(30_000, |net| net.all_reached(height)), "nothing took effect");
        let record = crate::query::proposal(&self.net.nodes[0].store, id).unwrap().unwrap();
        assert!(matches!(record.state, concordat_ledger::ProposalState::Executed { .. }), "{:?}", record.state);
    }

    fn validators(&self) -> usize {
        crate::query::validator_sets(&self.net.nodes[0].store).unwrap().unwrap().0.len()
    }
}

#[test]
fn a_validator_is_removed_and_comes_back_while_nodes_crash() {
    let mut net = Governed::started();
    net.grow(2);
    net.decide(Change::RemoveValidator { member: net.net.nodes[3].member });
    assert_eq!(net.validators(), 4, "two heights on");
    net.grow(1);
    assert_eq!(net.validators(), 3);
    net.grow(3);
    assert!(!net.telemetry(3).is_validator);
    // It follows, and signs nothing: its votes do not grow.
    let votes = net.net.nodes[3].record.votes().len();
    net.grow(3);
    assert_eq!(net.net.nodes[3].record.votes().len(), votes);
    assert!(net.telemetry(3).caught_up.is_none(), "nobody wants it back");

    let record = test_keys::member(3).validator.unwrap();
    let (member, key, possession) = (net.net.nodes[3].member, record.key, record.possession);
    net.decide(Change::AddValidator { member, key, possession, power: 100 });
    net.grow(1);
    let proof = net.telemetry(3).caught_up.expect("a candidate that is caught up says so");
    assert!(net.telemetry(2).caught_up.is_none());
    net.commit(3, Operation::ProveCaughtUp(proof));
    assert_eq!(net.validators(), 3);
    net.grow(1);
    assert_eq!(net.validators(), 4);
    net.grow(4);
    assert!(net.telemetry(3).is_validator && net.telemetry(3).caught_up.is_none());
    assert!(net.net.nodes[3].record.votes().len() > votes);
    // It carries the network where it has to.
    net.net.stop(2);
    net.net.time_ms += 2_000;
    let (height, transaction) = (net.net.tip(0) + 1, net.net.transaction(0, "USD", 1));
    net.net.submit(0, &[transaction]);
    assert!(net.net.run(60_000, |net| net.all_reached(height)), "three of four decide");
}
