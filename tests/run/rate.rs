//! The rate limit, judged by the sandbox's arrival times.

use crate::support::{Ran, Scene};

/// The most requests that arrived in any one second.
fn most_in_a_second(scene: &Scene) -> usize {
    let times: Vec<i64> = scene.requests().iter().map(|request| request.at_ms).collect();
    times.iter().map(|start| times.iter().filter(|at| (*start..start + 1000).contains(*at)).count()).max().unwrap_or(0)
}

#[test]
fn never_more_than_the_rate_and_the_burst_go_out_in_a_second_not_even_across_a_restart() {
    for burst in [1_usize, 5] {
        let mut scene = Scene::new();
        scene.connection("rate_limit", "\"50/s\"").connection("burst", &burst.to_string());
        scene.customers(0..120);
        let child = scene.spawn();
        while scene.api.summary().received < 30 {
            std::thread::yield_now();
        }
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 4);
        assert_eq!(scene.run().code, 0);
        assert_eq!(scene.stored().len(), 120);
        let allowed = (50 + burst) * 105 / 100;
        let most = most_in_a_second(&scene);
        assert!(most <= allowed, "{most} in one second with a burst of {burst}");
    }
}
