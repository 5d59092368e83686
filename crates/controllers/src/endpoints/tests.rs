use ingraft_api::Instrumentation;
use ingraft_core::Namespace;
use ingraft_core::finding::Step;
use serde_json::json;
use tokio::time::advance;

use super::*;

fn store(endpoints: &[&str]) -> Store {
    let store = Store::default();
    store.update(|snapshot| {
        snapshot.services.insert("shop".into(), "collector".into(), vec![4317, 4318]);
        snapshot.namespaces.insert(String::new(), "shop".into(), Namespace::default());
        for (index, endpoint) in endpoints.iter().enumerate() {
            let name = format!("base-{index}");
            let object = json!({
                "metadata": {"name": name, "namespace": "shop", "uid": "u"},
                "spec": {"exporter": {"endpoint": endpoint}},
            });
            let one: Instrumentation = serde_json::from_value(object).unwrap();
            snapshot.instrumentations.insert("shop".into(), name, one);
        }
    });
    store
}

/// Tells, and answers the reasons of Events and conditions.
fn told(store: &Store, targets: &mut Targets, trials: &Trials) -> (Vec<String>, Vec<String>) {
    let (choice, fleet) = (ProbeEndpoints::Cluster, Fleet::default());
    let news = tell_all(store, choice, Locale::En, &fleet, targets, trials);
    let names: Vec<String> = {
        let snapshot = store.read();
        snapshot.instrumentations.iter().map(Instrumentation::reference).collect()
    };
    let conditions = names.iter().filter_map(|name| Some(trials.endpoint(name)?.reason)).collect();
    (news.into_iter().filter_map(|event| event.reason).collect(), conditions)
}

#[test]
fn whoever_sends_to_the_same_place_is_told_the_same() {
    let service = "http://collector:4318";
    let store = store(&[service, service, "http://localhost:4318"]);
    let (mut targets, trials) = (Targets::new(), Trials::default());
    assert_eq!(told(&store, &mut targets, &trials).1, ["Pending", "Pending", "NotProbeable"]);
    assert_eq!(targets.len(), 1, "it is tried once");
    let see = |targets: &mut Targets, outcome: &Outcome| {
        for tried in targets.values_mut() {
            tried.history.see(outcome.clone());
        }
    };
    let refused = Outcome::Failed(Step::Refused);
    see(&mut targets, &refused);
    see(&mut targets, &refused);
    let (news, conditions) = told(&store, &mut targets, &trials);
    assert_eq!(news, ["EndpointUnreachable"; 2]);
    assert_eq!(conditions, ["Refused", "Refused", "NotProbeable"]);
    see(&mut targets, &Outcome::Failed(Step::TimedOut));
    let (news, conditions) = told(&store, &mut targets, &trials);
    assert_eq!((news, &*conditions[0]), (Vec::new(), "TimedOut"), "it still fails");
    see(&mut targets, &Outcome::Answers);
    assert_eq!(told(&store, &mut targets, &trials).0, ["EndpointReachable"; 2]);

    store.update(|snapshot| snapshot.instrumentations = ingraft_core::Objects::default());
    told(&store, &mut targets, &trials);
    assert!(targets.is_empty() && trials.endpoint("shop/base-0").is_none());
}

#[tokio::test(start_paused = true)]
async fn each_has_its_turn_once_a_minute() {
    let store = store(&["http://collector:4318"]);
    let (mut targets, trials) = (Targets::new(), Trials::default());
    told(&store, &mut targets, &trials);
    let one = targets.keys().next().unwrap().clone();
    for port in 1..=40 {
        // Nobody is connected to there.
        let (host, service) = ("127.0.0.1".to_owned(), None);
        targets.insert(Target { host, port, service, ..one.clone() }, Tried::default());
    }
    targets.remove(&one);
    let tried = |targets: &Targets| targets.values().filter(|tried| tried.last.is_some()).count();
    for expected in [16, 32, 40] {
        assert!(try_due(&mut targets).await);
        assert_eq!(tried(&targets), expected);
        advance(Duration::from_secs(1)).await;
    }
    assert!(!try_due(&mut targets).await, "all have had their turn");
    advance(Duration::from_secs(58)).await;
    let first: Vec<Option<Instant>> = targets.values().map(|tried| tried.last).collect();
    assert!(try_due(&mut targets).await);
    let again = targets.values().zip(first).filter(|(tried, first)| tried.last != *first).count();
    assert_eq!(again, 16, "those that were tried first");
}
