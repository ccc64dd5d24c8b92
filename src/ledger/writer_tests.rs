use std::path::Path;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::ledger::{Lease, NewLedger};

fn held(folder: &Path) -> (Ledger, Lease) {
    let lease = Lease::take(&folder.join("l.db"), "test", Timestamp(0)).unwrap();
    (lease.open_ledger(folder, NewLedger::Confirmed).unwrap(), lease)
}

#[test]
fn who_has_lost_the_ledger_or_its_lock_claims_nothing_and_still_writes_down_the_rest() {
    for lost in ["l.db", "l.lock"] {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, lease) = held(folder.path());
        let connection = ledger.connection_id("c").unwrap();
        let writer = Writer::start(ledger, 1, lease.custody().unwrap()).unwrap();
        let (told, mut answers) = unbounded_channel();
        let ask =
            Ask { syncs: vec![1], limit: 1, now: Timestamp(0), max_age: Duration::ZERO, connection, fresh_first: true };
        writer.claim(ask.clone(), &told);
        assert!(matches!(hear(&mut answers), Done::Claimed(..)));
        std::fs::remove_file(folder.path().join(lost)).unwrap();
        writer.claim(ask, &told);
        let Done::Unclaimed(why) = hear(&mut answers) else { panic!("{lost}: claimed") };
        assert!(why.contains(lost) && why.contains("was removed or replaced"), "{why}");
        writer.store(connection, ConnectionState::default(), &told);
        assert!(matches!(hear(&mut answers), Done::Stored));
        writer.finish().unwrap();
    }
}

/// The next answer. A writer that has missed its wake-up gives none.
fn hear(answers: &mut UnboundedReceiver<Done>) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let next = async { tokio::time::timeout(Duration::from_mins(1), answers.recv()).await };
    runtime.block_on(next).expect("the writer answers").unwrap()
}

/// A writer that would gather for an hour, with two leads claimed.
struct Patient {
    writer: Writer,
    told: UnboundedSender<Done>,
    answers: UnboundedReceiver<Done>,
    ask: Ask,
    claims: Vec<Claim>,
    _lease: Lease,
}

fn patient(folder: &Path) -> Patient {
    let (ledger, lease) = held(folder);
    let connection = ledger.connection_id("c").unwrap();
    let sync = ledger.sync_id("s", connection).unwrap();
    let leads = "INSERT INTO origin (id, sync, path, layout) VALUES (1, 1, 'x.csv', '{}');
                 INSERT INTO basis (id, sync, digest) VALUES (1, 1, x'00');
                 INSERT INTO lead (id, sync, basis, fingerprint, state, key, next_at, since, updated_at, origin, line)
                 VALUES (1, 1, 1, zeroblob(16), 'pending', 'a', 0, 0, 0, 1, 1), (2, 1, 1, zeroblob(16), 'pending', 'b', 0, 0, 0, 1, 2);
                 INSERT INTO content (lead, payload, record) VALUES (1, '{}', x''), (2, '{}', x'');";
    ledger.db.execute_batch(leads).unwrap();
    let writer = Writer::start_gathering(ledger, 1, lease.custody().unwrap(), Duration::from_hours(1)).unwrap();
    let (told, mut answers) = unbounded_channel();
    let ask = Ask {
        syncs: vec![sync],
        limit: 2,
        now: Timestamp(0),
        max_age: Duration::from_hours(1),
        connection,
        fresh_first: true,
    };
    writer.claim(ask.clone(), &told);
    let Done::Claimed(claims, _) = hear(&mut answers) else { panic!("not claimed") };
    assert_eq!(claims.len(), 2);
    Patient { writer, told, answers, ask, claims, _lease: lease }
}

fn nothing_is_due(done: &Done) -> bool {
    matches!(done, Done::Claimed(claims, _) if claims.is_empty())
}

#[test]
fn a_batch_waits_while_leads_are_open_and_it_has_neither_a_claim_nor_all_it_can_hold() {
    let (told, _answers) = unbounded_channel();
    let claim = || {
        let ask = Ask {
            syncs: Vec::new(),
            limit: 1,
            now: Timestamp(0),
            max_age: Duration::ZERO,
            connection: 1,
            fresh_first: true,
        };
        Command::new(What::Claim(ask), &told)
    };
    let store = || Command::new(What::Store { connection: 1, state: ConnectionState::default() }, &told);
    let full: Vec<Command> = std::iter::repeat_with(store).take(BATCH).collect();
    for (open, batch, waits) in [
        (0, vec![store()], false),
        (1, vec![store()], true),
        (9, vec![store(), store()], true),
        (9, vec![store(), claim()], false),
        (9, full, false),
    ] {
        let inbox = Inbox { commands: channel().1, open: Arc::new(AtomicUsize::new(open)), gather: GATHER };
        assert_eq!(inbox.gathers(&batch), waits, "{open} open, {} commands", batch.len());
    }
}

#[test]
fn what_is_settled_waits_for_more_only_while_more_is_to_come() {
    let folder = tempfile::tempdir().unwrap();
    let Patient { writer, told, mut answers, claims, .. } = patient(folder.path());
    for claim in claims {
        writer.settle(claim.release(None), &told);
    }
    for _ in 0..2 {
        assert!(matches!(hear(&mut answers), Done::Settled { .. }));
    }
    writer.finish().unwrap();
}

#[test]
fn a_claim_waits_for_nothing_and_what_was_settled_before_it_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let Patient { writer, told, mut answers, mut claims, ask, .. } = patient(folder.path());
    writer.settle(claims.pop().unwrap().release(None), &told);
    writer.claim(ask.clone(), &told);
    assert!(matches!(hear(&mut answers), Done::Settled { .. }));
    // What was released is due from now on, and the claim asks for what is due at the beginning of time.
    assert!(nothing_is_due(&hear(&mut answers)));
    // At each moment of the writer's way into its wait.
    for moment in 0..300 {
        writer.store(ask.connection, ConnectionState::default(), &told);
        for _ in 0..moment * 100 {
            std::hint::spin_loop();
        }
        writer.claim(ask.clone(), &told);
        assert!(matches!(hear(&mut answers), Done::Stored));
        assert!(nothing_is_due(&hear(&mut answers)));
    }
    writer.settle(claims.pop().unwrap().release(None), &told);
    writer.finish().unwrap();
}

#[test]
fn each_command_is_answered_once_and_by_its_own_kind_also_when_it_cannot_be_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, lease) = held(folder.path());
    let connection = ledger.connection_id("c").unwrap();
    ledger.db.execute_batch("ALTER TABLE lead RENAME TO moved; ALTER TABLE connection RENAME TO away").unwrap();
    let writer = Writer::start(ledger, 1, lease.custody().unwrap()).unwrap();
    let (told, mut answers) = unbounded_channel();
    writer.claim(
        Ask { syncs: vec![1], limit: 1, now: Timestamp(0), max_age: Duration::ZERO, connection, fresh_first: true },
        &told,
    );
    assert!(matches!(hear(&mut answers), Done::Unclaimed(_)));
    writer.store(connection, ConnectionState::default(), &told);
    assert!(matches!(hear(&mut answers), Done::Unwritten(_)));
    writer.finish().unwrap();
    assert!(answers.try_recv().is_err());
}

#[test]
fn a_writer_that_panics_leaves_nobody_waiting_and_names_the_ledger() {
    let (commands, received) = channel::<Command>();
    let thread = std::thread::spawn(move || {
        let _batch = received.recv();
        panic!("the thread that writes, in a test");
    });
    let writer = Writer { commands, open: Arc::default(), path: PathBuf::from("l.db"), thread };
    let (told, mut answers) = unbounded_channel();
    for _ in 0..3 {
        writer.claim(
            Ask {
                syncs: vec![1],
                limit: 1,
                now: Timestamp(0),
                max_age: Duration::ZERO,
                connection: 1,
                fresh_first: true,
            },
            &told,
        );
        writer.store(1, ConnectionState::default(), &told);
    }
    let heard: Vec<Done> = std::iter::repeat_with(|| hear(&mut answers)).take(6).collect();
    let said = |wanted: fn(&Done) -> bool| heard.iter().filter(|done| wanted(done)).count();
    assert_eq!(said(|done| matches!(done, Done::Unclaimed(_))), 3, "{heard:?}");
    assert_eq!(said(|done| matches!(done, Done::Unwritten(_))), 3, "{heard:?}");
    let error = writer.finish().unwrap_err().to_string();
    assert!(error.contains("l.db") && error.contains("panicked"), "{error}");
}
