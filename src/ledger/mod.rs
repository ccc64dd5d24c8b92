//! The ledger: one SQLite file that accounts for every lead. All of its SQL is in this folder.
//!
//! | file | holds |
//! |---|---|
//! | `error.rs` | what can go wrong |
//! | `open.rs` | opening, creating, checking, migrating |
//! | `key.rs` | the fingerprint key beside it |
//! | `inspect.rs` | a look that changes nothing, for `check` |
//! | `lease.rs` | one holder at a time |
//! | `identity.rs` | which file it is, through links and replacements |
//! | `mark.rs` | whether it is the one that sent last |
//! | `admit.rs`, `admit/lead.rs` | intake: one transaction per source; what a row changes about its lead |
//! | `queue.rs` | the hot path: claim and settle |
//! | `recover.rs` | what a process left that died while it sent |
//! | `writer.rs` | the one thread that writes while leads are sent, many in one commit |
//! | `connections.rs` | pause, breaker, the rate limiter's last time, and where leads went |
//! | `runs.rs`, `under_way.rs` | runs and their counts; the one that is under way |
//! | `figures.rs` | sums over days, for the dashboard |
//! | `backup.rs` | a consistent copy, also before a migration |
//! | `health.rs`, `told.rs` | what is watched from outside, and what was last told |
//! | `operator.rs`, `refusal.rs` | what a person does to leads, and why a lead is left as it is |
//! | `query.rs` | answers for the commands |
//! | `layouts.rs` | in which layout of its export a kept row is written |
//! | `quarantine.rs` | rows that cannot become a lead |
//! | `rejects.rs` | rejected rows, and the corrected ones that replace them |
//! | `forget.rs` | erases a person |
//! | `person.rs` | all that is held on a person |
//! | `prune.rs` | what is kept no longer than `retain` |
//! | `storage.rs` | whether it lies where it lasts |
//! | `successor.rs` | a sync under a new name |
//! | `temporary.rs` | private copies, and SQLite's temporary files |

mod admit;
mod backup;
mod connections;
mod copies;
mod error;
mod figures;
mod files;
mod forget;
mod health;
mod identity;
mod inspect;
mod key;
mod layouts;
mod lease;
mod listing;
mod mark;
mod open;
mod operator;
mod person;
mod prune;
mod quarantine;
mod query;
mod queue;
mod recover;
mod refusal;
mod rejects;
mod runs;
mod schema;
mod storage;
mod successor;
mod temporary;
mod told;
mod under_way;
mod writer;

pub use admit::{Admission, Basis, Content, KnownLead, Place};
pub use backup::Backup;
pub use connections::{ConnectionState, Former, PutOff, RateMemory};
pub use error::{Error, Result};
pub use figures::DayCounts;
pub use files::check_space;
pub use forget::{Erased, Forgotten};
pub use health::{Health, SyncHealth, Version};
pub use identity::{files_of, is_beside_itself};
pub use inspect::Found;
pub use key::key_path;
pub use lease::{Custody, DAEMON, Lease, holder};
pub use mark::{OlderLedger, mark_path};
pub use open::{Ledger, NewLedger};
pub use operator::{RETRIED, Resolution, Retried, Target};
pub use person::{Held, Person, Subject};
pub use prune::Pruned;
pub use quarantine::Quarantined;
pub use query::{Event, Filter, LeadRow, SyncStatus, Told};
pub use queue::Ask;
pub use recover::{Recovered, hold_in_doubt, recover};
pub use refusal::Refusal;
pub use rejects::{Kept, Reject, RejectOrigin};
pub use runs::{Counts, Past, RunRow, Trigger};
pub use storage::storage_warning;
pub use successor::Predecessor;
pub use told::Trouble;
pub use under_way::UnderWay;
pub use writer::{Done, Writer};
