//! The ledger beside a model of it that is a list in memory: whatever rows, answers, crashes, people and clocks do, in any order, the two
//! hold the same leads in the same states.

#[path = "model_tests/model.rs"]
mod model;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use self::model::{End, Lead, MAX_AGE};
use super::*;
use crate::domain::delivery::State;
use crate::domain::plan::{self, Change, OnChange};
use crate::domain::record::Layout;
use crate::domain::verdict::OnInDoubt;
use crate::ledger::{Basis, Content, NewLedger, Place, Resolution, Target, recover};

/// Something that happens, and how far the clock went before, in milliseconds.
#[derive(Debug, Clone)]
struct Step {
    clock: i64,
    event: Event,
}

#[derive(Debug, Clone)]
enum Event {
    /// An export holds a new or changed row; the pass counts or is abandoned.
    Row { key: u8, content: u16, on_change: OnChange, counts: bool },
    /// Due leads are taken up.
    Claim { limit: usize, fresh_first: bool },
    /// One of the requests under way ends.
    End { which: Index, how: End, charged: bool, took_ms: u64 },
    /// The process dies, and the next one takes up what it left.
    Crash { hold: bool },
    /// A person puts a lead back.
    Retry { key: u8 },
    /// A person settles a held lead.
    Resolve { key: u8, delivered: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        Just(End::Delivered),
        Just(End::Rejected),
        (0i64..5000, any::<bool>()).prop_map(|(delay, in_doubt)| End::Waiting { delay, in_doubt }),
        Just(End::Held),
        any::<bool>().prop_map(|in_doubt| End::Failed { in_doubt }),
        Just(End::Released),
    ];
    let on_change = prop_oneof![Just(OnChange::Ignore), Just(OnChange::Resend)];
    let key = 0u8..5;
    let event = prop_oneof![
        4 => (key.clone(), any::<u16>(), on_change, prop::bool::weighted(0.9))
            .prop_map(|(key, content, on_change, counts)| Event::Row { key, content, on_change, counts }),
        4 => (0usize..4, any::<bool>()).prop_map(|(limit, fresh_first)| Event::Claim { limit, fresh_first }),
        6 => (any::<Index>(), end, any::<bool>(), 0u64..2000)
            .prop_map(|(which, how, charged, took_ms)| Event::End { which, how, charged, took_ms }),
        1 => any::<bool>().prop_map(|hold| Event::Crash { hold }),
        1 => key.clone().prop_map(|key| Event::Retry { key }),
        1 => (key, any::<bool>()).prop_map(|(key, delivered)| Event::Resolve { key, delivered }),
    ];
    let clock = prop_oneof![8 => 0i64..3000, 1 => -4_000_000_000i64..4_000_000_000];
    prop::collection::vec((clock, event).prop_map(|(clock, event)| Step { clock, event }), 1..60)
}

/// The ledger, the model, and the requests under way.
struct Both {
    _folder: tempfile::TempDir,
    ledger: Ledger,
    sync: i64,
    connection: i64,
    model: Vec<Lead>,
    claims: Vec<Claim>,
    now: i64,
}

impl Both {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open_or_create(&folder.path().join("l.db"), folder.path(), NewLedger::Confirmed).unwrap();
        // Durability is not asked here.
        ledger.db.pragma_update(None, "synchronous", "OFF").unwrap();
        let connection = ledger.connection_id("wegroup").unwrap();
        let sync = ledger.sync_id("customers", connection).unwrap();
        let now = 1_000_000_000_000;
        Self { _folder: folder, ledger, sync, connection, model: Vec::new(), claims: Vec::new(), now }
    }

    fn step(&mut self, step: Step) {
        self.now += step.clock;
        let (now, at) = (self.now, Timestamp(self.now));
        let key_of = |key: u8| format!("K{key}");
        let target = |key: u8| Target { keys: vec![key_of(key)], ..Target::default() };
        match step.event {
            Event::Row { key, content, on_change, counts } => self.row(&key_of(key), content, on_change, counts),
            Event::Claim { limit, fresh_first } => self.claim(limit, fresh_first),
            Event::End { which, how, charged, took_ms } if !self.claims.is_empty() => {
                let claim = self.claims.swap_remove(which.index(self.claims.len()));
                let lead = self.model.iter_mut().find(|lead| lead.key == claim.key).unwrap();
                lead.ended(&how, charged, took_ms, now);
                let settlement = settlement(claim, &how, charged, took_ms, at);
                let mut settle = Settle::new(&self.ledger.db, 1).unwrap();
                settle.write(&settlement, at).unwrap();
                settle.finish().unwrap();
            }
            Event::End { .. } => {}
            Event::Crash { hold } => {
                self.claims.clear();
                let policy = if hold { OnInDoubt::Hold } else { OnInDoubt::Resend };
                let left = recover(&mut self.ledger, at, |_| policy).unwrap().leads;
                let sending: Vec<_> = self.model.iter_mut().filter(|lead| lead.state == State::Sending).collect();
                assert_eq!(left, sending.len());
                for lead in sending {
                    lead.left_behind(hold, now);
                }
            }
            Event::Retry { key } => {
                self.ledger.retry(&target(key), None, "a test", at).unwrap();
                self.model.iter_mut().filter(|lead| lead.key == key_of(key)).for_each(|lead| lead.retried(now));
            }
            Event::Resolve { key, delivered } => {
                let how = if delivered { Resolution::Delivered { remote_id: None } } else { Resolution::Resend };
                self.ledger.resolve(&target(key), &how, None, "a test", at).unwrap();
                self.model
                    .iter_mut()
                    .filter(|lead| lead.key == key_of(key))
                    .for_each(|lead| lead.resolved(delivered, now));
            }
        }
    }

    fn row(&mut self, key: &str, content: u16, on_change: OnChange, counts: bool) {
        let (payload, fingerprint) = (content.to_string(), u128::from(content).to_le_bytes());
        let mut pass =
            self.ledger.admit(self.sync, 1, &Basis { digest: [0; 16], earlier: None }, Timestamp(self.now)).unwrap();
        let origin = pass.origin("export.csv", &Layout::Sqlite { columns: Vec::new() }).unwrap();
        let (place, content_of) =
            (Place { origin, line: 1 }, Content { payload: &payload, record: payload.as_bytes(), backref: None });
        match pass.lookup(key).unwrap() {
            None => drop(pass.add(key, &fingerprint, place, content_of).unwrap()),
            Some(lead) if plan::change(lead.known, plan::Row::Wanted, on_change) == Change::Renew => {
                pass.renew(lead.known.lead, &fingerprint, place, content_of).unwrap();
            }
            Some(_) => {}
        }
        if !counts {
            return pass.abandon().unwrap();
        }
        pass.commit().unwrap();
        match self.model.iter_mut().find(|lead| lead.key == key) {
            Some(lead) => lead.changed(content, on_change, self.now),
            None => self.model.push(Lead {
                key: key.to_owned(),
                state: State::Pending,
                version: 1,
                attempts: 0,
                tries: 0,
                possibly_sent: false,
                next_at: Some(self.now),
                touched: self.now,
                age: 0,
                payload: Some(payload),
            }),
        }
    }

    fn claim(&mut self, limit: usize, fresh_first: bool) {
        let now = Timestamp(self.now);
        let ask =
            Ask { syncs: vec![self.sync], limit, now, max_age: MAX_AGE, connection: self.connection, fresh_first };
        let claims = super::claim(&self.ledger.db, &ask).unwrap();
        let mut due: Vec<&mut Lead> = self
            .model
            .iter_mut()
            .filter(|lead| matches!(lead.state, State::Pending | State::Waiting))
            .filter(|lead| lead.next_at.is_some_and(|at| at <= self.now))
            .collect();
        // The sort keeps the order of the numbers.
        due.sort_by_key(|lead| lead.next_at);
        let (mut fresh, mut retried) = (0, 0);
        due.sort_by_cached_key(|lead| {
            let is_fresh = lead.state == State::Pending;
            let place = if is_fresh { &mut fresh } else { &mut retried };
            *place += 1;
            (*place, is_fresh != fresh_first)
        });
        due.truncate(limit);
        assert_eq!(claims.len(), due.len());
        for (claim, lead) in claims.iter().zip(due) {
            lead.claimed(self.now);
            let age = Duration::from_millis(u64::try_from(lead.age).unwrap());
            let of_model =
                (&lead.key, lead.version, lead.attempts, lead.tries, age, lead.possibly_sent, lead.payload.as_ref());
            let of_ledger = (
                &claim.key,
                claim.version,
                claim.attempts,
                claim.tries,
                claim.age,
                claim.possibly_sent,
                Some(&claim.payload),
            );
            assert_eq!(of_ledger, of_model);
        }
        self.claims.extend(claims);
    }

    /// What the ledger holds, in the order in which it came.
    fn read(&self) -> Vec<Lead> {
        let sql = "SELECT key, state, version, attempts, tries, possibly_sent, next_at, updated_at,
                          CASE state WHEN 'delivered' THEN 0 ELSE updated_at - since END, payload
                     FROM lead LEFT JOIN content ON content.lead = lead.id ORDER BY lead.id";
        let mut statement = self.ledger.db.prepare_cached(sql).unwrap();
        let rows = statement.query_map([], |row| {
            Ok(Lead {
                key: row.get(0)?,
                state: row.get::<_, String>(1)?.parse().unwrap(),
                version: row.get(2)?,
                attempts: row.get(3)?,
                tries: row.get(4)?,
                possibly_sent: row.get(5)?,
                next_at: row.get(6)?,
                touched: row.get(7)?,
                age: row.get(8)?,
                payload: row.get(9)?,
            })
        });
        rows.unwrap().map(rusqlite::Result::unwrap).collect()
    }
}

fn settlement(claim: Claim, how: &End, charged: bool, took_ms: u64, at: Timestamp) -> Settlement {
    let post = Post { kind: "test", charged, http_status: None, reason: String::new(), at, took_ms };
    match how {
        End::Delivered => claim.deliver(None, post),
        End::Rejected => claim.reject(post),
        End::Waiting { delay, in_doubt } => {
            let possibly_sent = claim.possibly_sent || *in_doubt;
            claim.wait(Timestamp(at.0 + delay), possibly_sent, post)
        }
        End::Held => claim.hold(post),
        End::Failed { in_doubt } => {
            let possibly_sent = claim.possibly_sent || *in_doubt;
            claim.fail(possibly_sent, post)
        }
        End::Released => claim.release(None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_ledger_holds_what_a_simple_model_holds(steps in steps()) {
        let mut both = Both::new();
        for step in steps {
            both.step(step);
            prop_assert_eq!(both.read(), both.model.clone());
            let sending: BTreeSet<_> = both.claims.iter().map(|claim| &claim.key).collect();
            let of_model = both.model.iter().filter(|lead| lead.state == State::Sending).map(|lead| &lead.key);
            prop_assert_eq!(sending, of_model.collect(), "each lead that is being sent has one claim");
        }
    }
}
