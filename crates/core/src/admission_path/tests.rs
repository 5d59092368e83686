use super::*;
use crate::edit::apply;

/// What the API server says of a call that fails, as Kubernetes 1.37 does.
fn failed(error: &str) -> String {
    format!("Internal error occurred: failed calling webhook \"self-test.ingraft.dev\": {error}")
}

fn post(error: &str) -> String {
    let url = "https://ingraft-operator.system.svc:443/self-test?timeout=5s";
    failed(&format!("failed to call webhook: Post \"{url}\": {error}"))
}

#[test]
fn an_error_of_the_api_server_names_the_link() {
    let http = |error: &str| failed(&format!("failed to call webhook: {error}"));
    for (message, expected) in [
        (post("service \"ingraft-operator\" not found"), BrokenLink::ServiceMissing),
        (post("no service port 443 found for service \"ingraft-operator\""), BrokenLink::ServiceMissing),
        (post("no endpoints available for service \"ingraft-operator\""), BrokenLink::NoEndpoints),
        (post("dial tcp 10.96.0.9:443: connect: connection refused"), BrokenLink::Refused),
        (post("read tcp 10.0.0.1:40001->10.96.0.9:443: read: connection reset by peer"), BrokenLink::Reset),
        (post("context deadline exceeded"), BrokenLink::TimedOut),
        (post("dial tcp 10.96.0.9:443: i/o timeout"), BrokenLink::TimedOut),
        (post("dial tcp 192.0.2.77:9443: connect: no route to host"), BrokenLink::Unreachable),
        (post("dial tcp: lookup ingraft.example on 10.0.0.53:53: no such host"), BrokenLink::HostUnknown),
        (
            post(
                "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time \
                 2026-11-26T19:04:38Z is after 2026-11-26T19:04:07Z",
            ),
            BrokenLink::CertificateExpired,
        ),
        (
            post("tls: failed to verify certificate: x509: certificate signed by unknown authority"),
            BrokenLink::UnknownAuthority,
        ),
        (
            post(
                "tls: failed to verify certificate: x509: certificate is valid for elsewhere, not ingraft-operator.system.svc",
            ),
            BrokenLink::WrongName,
        ),
        (
            post(
                "tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it \
                 doesn't contain any IP SANs",
            ),
            BrokenLink::WrongName,
        ),
        (post("tls: first record does not look like a TLS handshake"), BrokenLink::WrongAnswer),
        (
            http("an error on the server (\"unknown\") has prevented the request from succeeding"),
            BrokenLink::WrongAnswer,
        ),
        (http("unknown"), BrokenLink::WrongAnswer),
        (failed("received invalid webhook response: webhook response was absent"), BrokenLink::WrongAnswer),
        (
            "admission webhook \"self-test.ingraft.dev\" denied the request: no".to_owned(),
            BrokenLink::WrongAnswer,
        ),
        (post("EOF"), BrokenLink::Other),
    ] {
        match judge(Err(&message), &[]) {
            AdmissionFinding::AdmissionPathBroken { link, said } => {
                assert_eq!(link, expected, "{message}");
                assert!(!said.is_empty() && message.ends_with(&said), "{said}");
            }
            other => panic!("{message}: {other:?}"),
        }
    }
}

#[test]
fn what_others_refuse_tells_nothing() {
    let long = format!("pods \"ingraft-self-test\" is forbidden: {}", "x".repeat(5000));
    for message in [
        "pods \"ingraft-self-test\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
        "admission webhook \"policy.example.com\" denied the request: no",
        "Internal error occurred: failed calling webhook \"policy.example.com\": failed to call webhook: Post \
         \"https://127.0.0.1:52599/x?timeout=5s\": dial tcp 127.0.0.1:52599: connect: connection refused",
        "the API server did not answer within 30 s",
        "",
        &long,
    ] {
        let found = judge(Err(message), &[]);
        assert!(
            matches!(&found, AdmissionFinding::AdmissionPathUnknown { why: PathObstacle::Refused(said) }
                if message.starts_with(said)),
            "{found:?}"
        );
        let trial = trial(&found, Locale::En);
        assert_eq!((trial.worked, trial.reason.as_str()), (None, "SelfTestRefused"));
        assert!(
            trial.message.ends_with("let the pod ingraft-self-test pass in the operator's namespace"),
            "{trial:?}"
        );
    }
}

/// The pod, answered by these.
fn answered(registrations: &[Registration]) -> Value {
    let mut pod = pod("example.com/ingraft:1");
    for registration in registrations {
        let edits = mark(&pod, *registration, "operator-1");
        apply(&mut pod, &edits);
    }
    pod
}

fn reason(pod: &Value, replicas: &[Asked]) -> (Option<bool>, String) {
    let trial = trial(&judge(Ok(pod), replicas), Locale::En);
    (trial.worked, trial.reason)
}

#[test]
fn marks_tell_which_registration_is_missing() {
    use Registration::{Pods, SelfTest};
    let of = |registrations: &[Registration]| reason(&answered(registrations), &[]);
    assert_eq!(of(&[Pods, SelfTest]), (Some(true), "Healthy".to_owned()));
    assert_eq!(of(&[SelfTest]), (Some(false), "PodsNotSent".to_owned()));
    assert_eq!(of(&[]), (Some(false), "NothingSent".to_owned()));
    assert_eq!(of(&[Pods]), (None, "SelfTestUnregistered".to_owned()), "reviews do arrive");
    assert_eq!(reason(&Value::Null, &[]), (Some(false), "NothingSent".to_owned()));
}

#[test]
fn a_replica_that_answers_otherwise_is_named() {
    let pod = answered(&[Registration::Pods, Registration::SelfTest]);
    let asked = |replica: &str, answer| Asked { replica: replica.to_owned(), answer };
    let wrong = |error: &str| Answer::Wrong(error.to_owned());
    let right = || asked("a-1", Answer::Right);
    assert_eq!(reason(&pod, &[right(), asked("a-2", Answer::Right)]), (Some(true), "Healthy".to_owned()));
    let fails = [right(), asked("a-2", Answer::Nothing), asked("a-3", wrong("bad signature"))];
    assert_eq!(reason(&pod, &fails), (Some(false), "ReplicaFails".to_owned()));
    let told = trial(&judge(Ok(&pod), &fails), Locale::En).message;
    assert!(told.contains("a-3") && told.contains("bad signature"), "{told}");
    // What only the leader sees may be the leader's own: its way, and its clock.
    let expired =
        wrong("invalid peer certificate: certificate expired: verification time 9, but valid until 1");
    for answer in [Answer::Nothing, expired] {
        let found = judge(Ok(&pod), &[right(), asked("a-2", answer)]);
        let why = PathObstacle::SilentReplica("a-2".to_owned());
        assert_eq!(found, AdmissionFinding::AdmissionPathUnknown { why });
    }
}

#[test]
fn a_release_without_the_self_test_is_not_told_as_broken() {
    let (earlier, word) = (PathObstacle::EarlierRelease, "EarlierRelease".to_owned());
    let not_found = failed("failed to call webhook: the server could not find the requested resource");
    let found = judge(Err(&not_found), &[]);
    assert_eq!(found, AdmissionFinding::AdmissionPathUnknown { why: earlier });
    let pod = answered(&[Registration::Pods, Registration::SelfTest]);
    let asked = |replica: &str, answer| Asked { replica: replica.to_owned(), answer };
    let mut replicas = vec![asked("new-1", Answer::Right), asked("old-1", Answer::NotFound)];
    assert_eq!(reason(&pod, &replicas), (None, word));
    replicas.push(asked("new-2", Answer::Wrong("bad signature".to_owned())));
    assert_eq!(reason(&pod, &replicas), (Some(false), "ReplicaFails".to_owned()), "what is certain counts");
}

#[test]
fn a_replica_answers_right_with_the_mark_of_the_self_test() {
    let patch = |registration| serde_json::to_value(mark(&pod(""), registration, "a-1")).unwrap();
    assert_eq!(Answer::of_patch(&patch(Registration::SelfTest)), Answer::Right);
    for other in [patch(Registration::Pods), json!([]), json!(null), json!([{"path": 1}])] {
        assert!(matches!(Answer::of_patch(&other), Answer::Wrong(_)), "{other}");
    }
    // Whoever makes such a pod by hand gets an answer that can be carried out.
    let mut bare = json!({"metadata": {"labels": {LABEL.0: LABEL.1}}});
    assert!(is_tested(&bare));
    let edits = mark(&bare, Registration::SelfTest, "a-1");
    apply(&mut bare, &edits);
    assert_eq!(bare["metadata"]["annotations"]["ingraft.dev/self-test-answered-by"], "a-1");
}

#[test]
fn the_same_link_in_other_words_is_no_news() {
    let of = |error: &str| judge(Err(&post(error)), &[]);
    let refused = of("dial tcp 10.96.0.9:443: connect: connection refused");
    assert!(is_same(&refused, &of("read tcp 10.0.0.1:40001->10.96.0.9:443: connection refused")));
    assert!(!is_same(&refused, &of("context deadline exceeded")));
    let unknown = |message: &str| judge(Err(message), &[]);
    assert!(is_same(&unknown("quota"), &unknown("policy")));
    assert!(!is_same(&unknown("quota"), &refused));
}

#[test]
fn the_message_has_the_remedy_and_says_who_was_asked() {
    let found = judge(Err(&post("context deadline exceeded")), &[]);
    let [english, spanish] = Locale::ALL.map(|locale| trial(&found, locale).message);
    assert!(
        english.starts_with("one API server was asked") && english.contains("(context deadline exceeded)"),
        "{english}"
    );
    assert!(english.contains("port 9443") && english.contains("10250"), "{english}");
    assert!(spanish.contains("un API server") && spanish.contains("10250"), "{spanish}");
}
