//! What the leader says of the endpoints of Instrumentations. There is no network of a cluster here, and no DNS of one.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, exclusive, instrumentation};
use crate::wait::{until, within};

const NAMESPACE: &str = "endpoints";

/// An address of this machine from which others could reach it: the operator never connects to itself by loopback.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent.
    socket.connect("203.0.113.1:9").expect("these tests need an address that is not loopback");
    socket.local_addr().unwrap().ip()
}

/// A receiver that takes everything that is sent to it by HTTP. Answers its port.
fn receiver(address: IpAddr) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}

/// The condition as `kubectl` shows it: status, reason and message.
fn condition(cluster: &Cluster, name: &str) -> [String; 3] {
    let get = ["get", "otelinst", name, "-n", NAMESPACE, "-o", "json"];
    let shown: Value = serde_json::from_str(&cluster.kubectl().run(&get).unwrap()).unwrap();
    let conditions = shown["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.into_iter().find(|one| one["type"] == "EndpointReachable").unwrap_or_default();
    ["status", "reason", "message"].map(|field| found[field].as_str().unwrap_or_default().to_owned())
}

#[test]
fn the_status_says_whether_somebody_answers() {
    let cluster = exclusive();
    let mut operator = cluster.operator_with("operator", &["--probe-endpoints=all"]);
    operator.wait_ready();
    cluster.namespace(NAMESPACE, &json!({}));
    let address = own_address();
    let nobody = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
    let to = |name: &str, endpoint: String| {
        instrumentation(NAMESPACE, name, &json!({"exporter": {"endpoint": endpoint}}))
    };
    cluster.apply(&[
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "collector", "namespace": NAMESPACE},
            "spec": {"ports": [{"port": 4318}]},
        }),
        to("answers", format!("http://{address}:{}", receiver(address))),
        to("refused", format!("http://{address}:{nobody}")),
        to("service", "http://collector:4318".to_owned()),
        to("other-port", "http://collector:4317".to_owned()),
        to("missing", "http://nobody:4318".to_owned()),
        to("itself", "http://127.0.0.1:4318".to_owned()),
    ]);
    let wait = |name: &str, status: &str, reason: &str, message: &str| {
        let is_it =
            |[s, r, m]: &[String; 3]| (s.as_str(), r.as_str()) == (status, reason) && m.contains(message);
        until(&format!("{name} is {reason}"), || condition(&cluster, name), is_it);
    };
    wait("answers", "True", "Reachable", "as seen from the operator");
    wait("service", "Unknown", "NotProbeable", "not even kubernetes.default");
    wait("other-port", "Unknown", "NotProbeable", "Service endpoints/collector declares no port 4317");
    wait("missing", "Unknown", "NotProbeable", "Service endpoints/nobody does not exist");
    wait("itself", "Unknown", "NotProbeable", "it is the pod itself");

    // It takes two failures, a minute apart.
    let fails = || Some(condition(&cluster, "refused")).filter(|[status, ..]| status == "False");
    let [_, reason, message] = within(Duration::from_mins(2), fails).expect("it does not answer");
    assert_eq!(reason, "Refused");
    assert!(message.contains("takes no connection, as seen from the operator"), "{message}");
    let events = || cluster.events(NAMESPACE, "EndpointUnreachable");
    let events = until("an Event", events, |events| !events.is_empty());
    assert_eq!((events.len(), &events[0]["involvedObject"]["name"]), (1, &json!("refused")), "{events:?}");

    // Whoever leads next goes on with it.
    operator.terminate().unwrap();
    assert!(operator.wait_ended());
    let mut next = cluster.operator_with("next", &["--probe-endpoints=all"]);
    next.wait_ready();
    cluster.apply(&[to("later", "http://localhost:4318".to_owned())]);
    wait("later", "Unknown", "NotProbeable", "it is the pod itself");
    assert_eq!(condition(&cluster, "refused"), ["False".to_owned(), reason, message]);
    assert_eq!(condition(&cluster, "answers")[0], "True");

    // Where nothing is tried any more, nothing stays that was found.
    next.terminate().unwrap();
    assert!(next.wait_ended());
    let mut off = cluster.operator_with("off", &["--probe-endpoints=off"]);
    off.wait_ready();
    until("the condition is gone", || condition(&cluster, "answers"), |[status, ..]| status.is_empty());
}
