//! Every system call on the store fails, each in its turn: the token is served all the same, the
//! fault is told, and the next start gets a token. A signal that interrupts one is no fault.

use crate::kill::{Act, CLOUD, Stage};
use crate::{trace, worker};
use std::collections::BTreeMap;

#[test]
fn when_any_system_call_fails_the_token_is_served() {
    if !trace::permitted() {
        return;
    }
    let mut stage = Stage::new();
    let stem = stage.stem(Act::Refresh);
    let job = stage.set(Act::Refresh);
    let (whole, said) = stage.watched(job, &stem).trace();
    assert_eq!(said.len(), 1, "{said:?}");
    let steps = trace::calls(&whole);
    let mut outcomes = BTreeMap::<String, usize>::new();
    for step in &steps {
        let job = stage.set(Act::Refresh);
        let end = stage.watched(job, &stem).fail_at(step, "EIO");
        assert!(end.status.success(), "{step:?}: {}", String::from_utf8_lossy(&end.stderr));
        let said = worker::said(&end.stdout[..]);
        let has_token = said[0].starts_with("token ");
        let told = !has_token || said.len() == 2;
        let arrived = stage.world.token_calls(CLOUD);
        let is_new = stage.directory.contents() != stage.before;
        let outcome = match (has_token, &arrived[..], is_new, told) {
            // The directory cannot be used: said when the client is made, before anything is sent.
            (false, [], false, _) => "refused at the door",
            (true, ["refresh"], true, false) => "no harm done",
            (true, ["refresh"], true, true) => "stored, though not surely for good, and told",
            (true, ["refresh"], false, true) => "not stored, served from memory and told",
            (true, ["login"], false, true) => "known not to be writable: nothing spent, logged in",
            (true, ["login"], true, _) => "nothing spent, logged in and stored",
            other => panic!("{step:?}: {other:?}: {said:?}"),
        };
        *outcomes.entry(outcome.into()).or_default() += 1;
        let next = stage.directory.client(&stage.world, CLOUD);
        next.token().unwrap();
        assert!(stage.directory.files(".damaged").is_empty(), "{step:?}: a torn file");
    }
    println!("each of {} system calls failed in turn: {outcomes:#?}", steps.len());
}

#[test]
fn a_signal_in_any_system_call_on_the_store_is_no_fault() {
    if !trace::permitted() {
        return;
    }
    let mut stage = Stage::new();
    let stem = stage.stem(Act::Refresh);
    let job = stage.set(Act::Refresh);
    let (whole, _) = stage.watched(job, &stem).trace();
    // The others never wait, so the kernel has no signal end them.
    let waits = |name: &str| {
        let waiting =
            ["open", "read", "write", "sync", "fcntl", "truncate", "fallocate", "rename", "close"];
        waiting.iter().any(|part| name.contains(part))
    };
    let steps: Vec<_> = trace::calls(&whole).into_iter().filter(|step| waits(&step.name)).collect();
    assert!(steps.len() > 20, "{steps:?}");
    for step in &steps {
        let job = stage.set(Act::Refresh);
        let end = stage.watched(job, &stem).fail_at(step, "EINTR");
        assert!(end.status.success(), "{step:?}: {}", String::from_utf8_lossy(&end.stderr));
        let said = worker::said(&end.stdout[..]);
        assert!(said.len() == 1 && said[0].starts_with("token "), "{step:?}: {said:?}");
        assert_eq!(stage.world.token_calls(CLOUD), ["refresh"], "{step:?}");
        assert!(stage.directory.contents() != stage.before, "{step:?}: it was not stored");
    }
    println!("each of {} system calls was interrupted in turn", steps.len());
}

#[test]
fn a_lock_that_a_security_module_forbids_is_a_fault_and_is_told() {
    if !trace::permitted() {
        return;
    }
    let mut stage = Stage::new();
    let stem = stage.stem(Act::Refresh);
    let job = stage.set(Act::Refresh);
    let (whole, _) = stage.watched(job, &stem).trace();
    let locks = |(line, _): &(&String, trace::Call)| line.contains("F_SETLK");
    let (_, lock) = whole.iter().zip(trace::calls(&whole)).find(locks).expect("a lock");
    let job = stage.set(Act::Refresh);
    let end = stage.watched(job, &stem).fail_at(&lock, "EACCES");
    let said = worker::said(&end.stdout[..]);
    assert!(said[0].starts_with("token "), "it is not waited for: {said:?}");
    assert!(said[1].contains("cannot be locked: Permission denied"), "{said:?}");
    // Without the lock the refresh token may be another's to spend.
    assert_eq!(stage.world.token_calls(CLOUD), ["login"]);
    assert!(stage.directory.contents() == stage.before);
}
