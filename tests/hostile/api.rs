//! An API that has been taken over, or was never one.

use std::io::Write;

use crate::bombs::assert_small;
use crate::support::Scene;
use crate::tongue::{Tongue, whole};

/// The only lead's state after a run, which must end in good order.
fn state_after(tongue: &Tongue) -> (i32, String, Scene) {
    let scene = tongue.scene();
    let ran = scene.run();
    assert!(!ran.stderr.contains("programming error"), "{ran:?}");
    assert_small("a run");
    let state = scene.lead_of("1")["state"].as_str().unwrap_or_default().to_owned();
    (ran.code, state, scene)
}

#[test]
fn an_answer_without_end_is_given_up_in_constant_memory_and_its_status_counts() {
    let tongue = Tongue::saying(|stream| {
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\r\n")?;
        loop {
            stream.write_all(&[b'['; 8 * 1024])?;
        }
    });
    let (code, state, _scene) = state_after(&tongue);
    assert_eq!((code, state.as_str(), tongue.heads().len()), (0, "delivered", 1));
}

#[test]
fn headers_without_end_are_given_up_in_constant_memory_and_leave_the_lead_in_doubt() {
    let tongue = Tongue::saying(|stream| {
        stream.write_all(b"HTTP/1.1 201 Created\r\n")?;
        loop {
            stream.write_all(b"x-more: and more and more and more and more\r\n")?;
        }
    });
    let scene = tongue.scene();
    let ran = scene.run();
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_small("a run");
    let lead = scene.lead_of("1");
    assert!(lead["state"] == "failed" || lead["state"] == "waiting", "{lead}");
}

#[test]
fn a_compressed_answer_is_not_unpacked() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..256 {
        bomb.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let tongue = Tongue::with(whole(201, "content-encoding: gzip\r\ncontent-type: application/json\r\n", &bomb));
    let (code, state, _scene) = state_after(&tongue);
    assert_eq!((code, state.as_str()), (0, "delivered"));
    assert!(!tongue.heads().concat().contains("accept-encoding"), "{:?}", tongue.heads());
}

#[test]
fn json_of_any_depth_and_bytes_that_are_no_text_are_an_answer_like_any_other() {
    let deep = "{\"error\":".repeat(100_000);
    for body in [deep.as_bytes(), "[".repeat(250_000).as_bytes(), b"{\"error\":\"\xff\xfe\xc0\"}", b"\0\0\0"] {
        let (code, state, _scene) = state_after(&Tongue::with(whole(422, "", body)));
        assert_eq!((code, state.as_str()), (3, "rejected"));
        let (code, state, _scene) = state_after(&Tongue::with(whole(201, "", body)));
        assert_eq!((code, state.as_str()), (0, "delivered"));
    }
}

#[test]
fn a_redirect_takes_neither_lead_nor_token_anywhere() {
    let other = Tongue::json(201, "{}");
    for location in ["file:///etc/passwd", other.url(), "//127.0.0.1/", "javascript:alert(1)"] {
        let headers = format!("location: {location}\r\n");
        let (code, state, scene) = state_after(&Tongue::with(whole(307, &headers, b"")));
        assert_ne!(code, 0, "{location}");
        assert_eq!(state, "waiting", "{location}");
        assert!(!scene.cli(&["leads", "--format", "json"]).stdout.contains("root:"), "{location}");
    }
    assert_eq!(other.heads(), Vec::<String>::new());
}

#[test]
fn a_cookie_is_not_kept() {
    let tongue = Tongue::with(whole(201, "set-cookie: session=tracked; Path=/\r\n", b"{\"id\":\"a\"}"));
    let scene = tongue.scene();
    scene.customers([1, 2, 3]);
    assert_eq!(scene.run().code, 0);
    assert_eq!(tongue.heads().len(), 3);
    assert!(!tongue.heads().concat().contains("tracked"), "{:?}", tongue.heads());
}

#[test]
fn an_id_and_a_pause_that_no_server_would_send_do_no_harm() {
    let long = format!("{{\"id\":\"{}\"}}", "9".repeat(200_000));
    let (code, state, scene) = state_after(&Tongue::json(201, &long));
    assert_eq!((code, state.as_str()), (0, "delivered"));
    let id = scene.lead_of("1")["remote_id"].as_str().unwrap_or_default().len();
    assert!(id <= 1024, "the ledger keeps {id} bytes of an id");
    let forever = "retry-after: 99999999999999999999\r\n";
    let (code, state, scene) = state_after(&Tongue::with(whole(429, forever, b"")));
    assert_eq!((code, state.as_str()), (4, "waiting"));
    assert_eq!(scene.cli(&["status"]).code, 0);
}
