//! More stories: sessions that are renewed, leads that a person puts back, a source that is read from where it ended.

use std::fs;
use std::time::Duration;

use lead_sync::sandbox::{self, Answer, Kind};
use rusqlite::Connection;

use crate::oracle::{Policy, Seen, rows, sound};
use crate::sessions;
use crate::stories::{Fault, RUN, Stage, Story, nothing};
use crate::support::Scene;
use crate::sweep::sweep;

/// The stored access token is at its end, so that the next command begins with a refresh.
fn expire(stage: &Stage) {
    let path = stage.scene.path("tokens/wegroup.json");
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["session"]["expires_at"] = file["session"]["obtained_at"].clone();
    fs::write(&path, format!("{file}\n")).unwrap();
}

/// I5 for a provider with strict rotation: a token is used twice only where the answer to its first use was lost with the process, and
/// the password then begins a new session.
#[test]
fn a_session_with_a_password_goes_on_whenever_a_refresh_dies() {
    fn prepare() -> Stage {
        let (mut scene, provider) = Scene::with_logins(|settings| settings.access_lifetime = Duration::from_hours(1));
        let url = scene.api.url();
        scene.auth(&format!(
            "kind = \"oauth2\"\nprovider = \"we360\"\ntoken_url = \"{url}/we360/token\"\nclient_id = \"sandbox-client\"\n\
             username = \"broker@example.com\"\npassword = \"sandbox-password\""
        ));
        Stage::of(scene, Some(provider), Policy::Resend, 0..3).begun()
    }
    fn after(stage: &Stage, before: &Seen) {
        stage.finish(before);
        let counters = stage.provider.as_ref().unwrap().counters();
        assert!(counters.reuses < counters.logins, "a spent token was used again: {counters:?}");
    }
    sweep(&Story { prepare, command: RUN, each: expire, after, fault: Fault::Kill });
}

/// A run that begins with a refresh of a login's session.
pub(crate) fn refresh(fault: Fault, strict: bool) -> Story {
    fn prepare(grace: Duration) -> Stage {
        let (scene, provider) = sessions::scene(grace);
        sessions::log_in(&scene);
        Stage::of(scene, Some(provider), Policy::Resend, 0..3).begun()
    }
    fn after_strict(stage: &Stage, before: &Seen) {
        let ran = stage.scene.cli(RUN);
        if ran.code != 0 {
            // The one refresh token was spent, and the answer died with the program.
            assert!(ran.code == 5 && ran.stderr.contains("was lost"), "{ran:?}");
            stage.nothing_was_sent();
            sessions::log_in(&stage.scene);
        }
        stage.finish(before);
        let counters = stage.provider.as_ref().unwrap().counters();
        assert!(counters.reuses < counters.logins, "a spent token was used again: {counters:?}");
    }
    fn after_grace(stage: &Stage, before: &Seen) {
        stage.finish(before);
        assert_eq!(stage.provider.as_ref().unwrap().counters().logins, 1, "the session was lost");
    }
    if strict {
        Story { prepare: || prepare(Duration::ZERO), command: RUN, each: expire, after: after_strict, fault }
    } else {
        Story { prepare: || prepare(Duration::from_hours(1)), command: RUN, each: expire, after: after_grace, fault }
    }
}

#[test]
fn where_a_lost_answer_is_forgiven_a_login_survives_a_kill_before_any_call_of_a_refresh() {
    sweep(&refresh(Fault::Kill, false));
}

#[test]
fn where_it_is_not_a_login_survives_every_kill_but_one_that_takes_the_answer_along() {
    sweep(&refresh(Fault::Kill, true));
}

/// A refused lead is put back, by the second try if need be.
#[test]
fn a_lead_put_back_is_put_back_or_still_refused_whenever_the_command_dies() {
    const RETRY: &[&str] = &["retry", "1", "--yes"];
    fn prepare() -> Stage {
        let stage = Stage::new(Policy::Resend, 0..3);
        stage.scene.fault(sandbox::Fault::once(Kind::Status(Answer::new(422))).for_lead("1"));
        stage.expect(RUN, &[3]);
        stage
    }
    fn after(stage: &Stage, before: &Seen) {
        let found = stage.state_of("1").unwrap();
        stage.expect(RETRY, if found == "rejected" { &[0] } else { &[0, 2] });
        stage.finish(before);
    }
    sweep(&Story { prepare, command: RETRY, each: nothing, after, fault: Fault::Kill });
}

#[test]
fn a_lead_settled_by_hand_is_settled_or_still_held_whenever_the_command_dies() {
    const RESOLVE: &[&str] = &["resolve", "1", "--delivered", "--yes"];
    fn prepare() -> Stage {
        let stage = Stage::new(Policy::Hold, 0..3);
        stage.scene.fault(sandbox::Fault::once(Kind::LostAnswer).for_lead("1"));
        stage.expect(RUN, &[3]);
        stage
    }
    fn after(stage: &Stage, _: &Seen) {
        sound(&stage.scene);
        let found = stage.state_of("1").unwrap();
        assert!(found == "held" || found == "delivered", "{found}");
        stage.expect(RESOLVE, if found == "held" { &[0] } else { &[0, 2] });
        stage.expect(RUN, &[0]);
        stage.nothing_was_sent();
        assert_eq!(stage.state_of("1").as_deref(), Some("delivered"));
    }
    sweep(&Story { prepare, command: RESOLVE, each: nothing, after, fault: Fault::Kill });
}

/// A held lead is to be sent again, which a person has decided.
#[test]
fn a_lead_to_be_sent_again_is_sent_once_more_and_no_oftener_whenever_the_command_dies() {
    const RESOLVE: &[&str] = &["resolve", "1", "--resend", "--yes"];
    fn prepare() -> Stage {
        let stage = Stage::new(Policy::Hold, 0..3);
        stage.scene.fault(sandbox::Fault::once(Kind::LostAnswer).for_lead("1"));
        stage.expect(RUN, &[3]);
        stage
    }
    fn after(stage: &Stage, before: &Seen) {
        let found = stage.state_of("1").unwrap();
        stage.expect(RESOLVE, if found == "held" { &[0] } else { &[0, 2] });
        stage.expect(RUN, &[0]);
        sound(&stage.scene);
        assert_eq!(before.and(Seen::by(&stage.scene)).times_stored()["1"], 2);
        let row = rows(&stage.scene).into_iter().find(|row| row.key == "1").unwrap();
        assert!(row.state == "delivered" && row.reason.unwrap().contains("possibly sent twice"));
    }
    sweep(&Story { prepare, command: RESOLVE, each: nothing, after, fault: Fault::Kill });
}

/// A query that goes on where it ended: the position counts with the rows up to it, or not at all.
#[test]
fn no_row_is_skipped_by_a_cursor_whenever_the_program_dies() {
    fn add(stage: &Stage, keys: std::ops::Range<u32>) {
        let crm = Connection::open(stage.scene.path("exports/crm.db")).unwrap();
        crm.execute_batch("CREATE TABLE IF NOT EXISTS person (id TEXT PRIMARY KEY, first_name, last_name, email, at)")
            .unwrap();
        for key in keys {
            let sql = "INSERT INTO person VALUES (?1, 'First' || ?1, 'Last' || ?1, 'p' || ?1 || '@example.com', ?1)";
            crm.execute(sql, [key]).unwrap();
        }
    }
    fn prepare() -> Stage {
        let mut stage = Stage::of(Scene::new(), None, Policy::Resend, 0..6);
        stage.scene.source("kind", "\"sqlite\"").source("path", "\"exports/crm.db\"");
        stage.scene.source("query", "\"SELECT * FROM person\"").source("cursor", "\"at\"");
        add(&stage, 0..3);
        let stage = stage.done();
        add(&stage, 3..6);
        stage
    }
    sweep(&Story { prepare, command: RUN, each: nothing, after: Stage::finish, fault: Fault::Kill });
}
