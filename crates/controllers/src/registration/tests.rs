use super::*;
use crate::fake_api::FakeApi;
use ingraft_core::Namespace;

#[test]
fn asks_about_silent_pods_only_in_namespaces_that_ask_or_are_unknown() {
    let mut snapshot = Snapshot::default();
    let asking =
        Namespace::new([("instrumentation.opentelemetry.io/inject-java".to_owned(), "true".to_owned())]);
    snapshot.namespaces.insert(String::new(), "asking".into(), asking);
    assert_eq!(all_but(&silent(&snapshot).0), json!({}), "an empty list would be refused");
    snapshot.namespaces.insert(String::new(), "silent".into(), Namespace::default());
    assert_eq!(all_but(&silent(&snapshot).0)["matchExpressions"][0]["values"], json!(["silent"]));
}

#[test]
fn more_silent_namespaces_than_etcd_takes_are_asked_about() {
    let mut snapshot = Snapshot::default();
    for number in 0..30_000 {
        let name = format!("{number:063}");
        snapshot.namespaces.insert(String::new(), name, Namespace::default());
    }
    let (silent, left_out) = silent(&snapshot);
    let selector = all_but(&silent);
    let silent = selector["matchExpressions"][0]["values"].as_array().unwrap().len();
    assert_eq!(silent + left_out, 30_000);
    assert!(silent > 15_000);
    let [configuration, ..] = configurations(selector, &Address::Service, "system", "PEM");
    assert!(configuration.to_string().len() < 3 << 19);
}

#[test]
fn registers_by_service_and_by_url() {
    let [by_service, ..] = configurations(json!({}), &Address::Service, "system", "PEM");
    let service = &by_service["webhooks"][0]["clientConfig"]["service"];
    assert_eq!(service["path"], webhook_paths::POD);
    assert_eq!(service["namespace"], "system");
    let url = Address::Url("https://127.0.0.1:9443/".to_owned());
    let [by_url, ..] = configurations(json!({}), &url, "system", "PEM");
    assert_eq!(by_url["webhooks"][0]["clientConfig"]["url"], "https://127.0.0.1:9443/mutate-v1-pod");
    assert_eq!(by_url["webhooks"][0]["clientConfig"]["caBundle"], "UEVN");
}

/// What the API server does with it is in tests/apiserver.
#[test]
fn nothing_but_the_self_test_fails_closed_and_that_is_about_one_pod_that_is_only_tried() {
    let all = configurations(json!({}), &Address::Service, "system", "PEM");
    let webhooks = all.iter().flat_map(|one| one["webhooks"].as_array().unwrap());
    let closed: Vec<&Value> = webhooks.filter(|webhook| webhook["failurePolicy"] != "Ignore").collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0]["name"], "self-test.ingraft.dev");
    assert_eq!(
        closed[0]["namespaceSelector"],
        json!({"matchLabels": {"kubernetes.io/metadata.name": "system"}})
    );
    assert_eq!(closed[0]["objectSelector"], json!({"matchLabels": {"ingraft.dev/self-test": "true"}}));
    assert_eq!(closed[0]["matchConditions"][0]["expression"], "request.?dryRun.orValue(false)");
    let [pods, _, self_test] = all;
    let config = |webhook: &Value| webhook["webhooks"][0]["clientConfig"].clone();
    let (mut of_pods, of_self_test) = (config(&pods), config(&self_test));
    of_pods["service"]["path"] = "/self-test".into();
    assert_eq!(of_pods, of_self_test, "both go the same way");
}

fn registration(authority: watch::Receiver<Option<Authority>>, registered: Arc<Notify>) -> Registration {
    Registration {
        namespace: "system".to_owned(),
        address: Address::Service,
        store: Arc::default(),
        authority,
        registered,
    }
}

#[tokio::test]
async fn a_registration_that_may_not_be_created_is_named() {
    let api = FakeApi::default();
    api.state().forbidden = Some("/mutatingwebhookconfigurations");
    let registration = registration(watch::channel(None).1, Arc::default());
    let refresh =
        || async { registration.refresh(&api.client(), &mut Applied::default()).await.unwrap_err() };
    let error = refresh().await.to_string();
    assert_eq!(
        error,
        "MutatingWebhookConfiguration zz-ingraft-operator is missing: apply the operator's manifests again"
    );
    let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz-ingraft-operator";
    api.state().objects.insert(path.to_owned(), json!({"metadata": {"name": NAME}}));
    let error = refresh().await.to_string();
    assert_eq!(error, "failed to apply MutatingWebhookConfiguration zz-ingraft-operator");

    // Pods are injected without the one that only warns.
    api.state().forbidden = Some("/validatingwebhookconfigurations");
    let mut applied = Applied::default();
    assert!(registration.refresh(&api.client(), &mut applied).await.is_ok());
    assert!(applied.configurations.is_none(), "it is tried again");
}

#[tokio::test(start_paused = true)]
async fn what_was_trusted_stays_so_for_a_while() {
    let now = OffsetDateTime::now_utc();
    let (own, other) = (Authority::new(None, now).unwrap(), Authority::new(None, now).unwrap());
    let (mut applied, start) = (Applied::default(), Instant::now());
    let both = applied.with_former(&own, &[other.bundle.clone(), other.bundle], start);
    assert_eq!(both.bundle, format!("{}{}", own.certificate, other.certificate));
    let trusted = [both.bundle.clone()];
    assert_eq!(applied.with_former(&own, &trusted, start + HANDOVER / 2), both);
    assert_eq!(applied.with_former(&own, &trusted, start + HANDOVER), own);
    let many: Vec<String> = (0..9).map(|number| format!("{number}{PEM_END}")).collect();
    let kept = applied.with_former(&own, &many, start).bundle;
    assert_eq!(kept.matches(PEM_END).count(), 1 + MAX_FORMER);
    assert_eq!(applied.with_former(&own, &["not a certificate".to_owned()], start), own);
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_cannot_be_saved_is_kept_and_saved_later() {
    let api = FakeApi::default();
    api.state().forbidden = Some("/secrets");
    let (client, registration) = (api.client(), registration(watch::channel(None).1, Arc::default()));
    tokio::spawn(async move { registration.run(&client).await });
    let trusted = || {
        let registered = api.object("/mutatingwebhookconfigurations/zz-ingraft-operator");
        registered["webhooks"][0]["clientConfig"]["caBundle"].clone()
    };
    tokio::time::sleep(RETRY / 2).await;
    let first = trusted();
    assert!(first.is_string());
    tokio::time::sleep(RETRY * 3).await;
    assert_eq!(trusted(), first);
    api.state().forbidden = None;
    tokio::time::sleep(RETRY).await;
    let saved = authority::load(&api.client(), "system").await.unwrap().unwrap().authority.unwrap();
    assert_eq!(json!(ByteString(saved.bundle.into_bytes())), first);
}

#[tokio::test(start_paused = true)]
async fn an_authority_is_trusted_before_it_is_used_and_its_predecessor_after_it_is_lost() {
    let api = FakeApi::default();
    let (client, registered) = (api.client(), Arc::new(Notify::new()));
    let (sender, mut current) = watch::channel(None);
    let following = crate::follow_authority(
        client.clone(),
        "system".to_owned(),
        Arc::clone(&registered),
        sender,
        watch::Sender::default(),
        ingraft_cluster::readiness::Readiness::default(),
    );
    tokio::spawn(following);
    let registration = registration(current.clone(), registered);
    tokio::spawn(async move { registration.run(&client).await });
    current.wait_for(Option::is_some).await.unwrap();
    let first = current.borrow().clone().unwrap();
    let written: Vec<String> = api.state().written.clone();
    let last = |path: &String| path.rsplit('/').nth(1).unwrap_or_default().to_owned();
    assert_eq!(
        written.iter().map(last).collect::<Vec<_>>(),
        [
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
            "secrets"
        ],
    );

    api.state().objects.retain(|path, _| !path.contains("/secrets/"));
    current.wait_for(|current| current.as_ref() != Some(&first)).await.unwrap();
    let bundle = current.borrow().clone().unwrap().bundle;
    assert!(bundle.contains(&first.certificate), "replicas that still use it are heard");

    // A Secret that somebody else wrote is not used before it is trusted.
    let second = current.borrow().clone();
    let foreign = Authority::new(None, OffsetDateTime::now_utc()).unwrap();
    let stored = authority::load(&api.client(), "system").await.unwrap();
    authority::save(&api.client(), "system", &foreign, stored.as_ref()).await.unwrap();
    current.wait_for(|current| *current != second).await.unwrap();
    assert_eq!(current.borrow().as_ref(), Some(&foreign));
    let trusted = || {
        let registered = api.object("/mutatingwebhookconfigurations/zz-ingraft-operator");
        registered["webhooks"][0]["clientConfig"]["caBundle"].clone()
    };
    let bundle = |text: &str| json!(ByteString(text.as_bytes().to_vec()));
    assert_ne!(trusted(), bundle(&foreign.bundle), "replicas may still use the one that was replaced");
    tokio::time::sleep(HANDOVER + REFRESH).await;
    assert_eq!(trusted(), bundle(&foreign.bundle));
}

/// Lets the registration run against an API server whose clock says this and whose Secret has an authority.
async fn registered(stored: &Authority, date: OffsetDateTime) -> (FakeApi, Authority) {
    let api = FakeApi::default();
    api.state().date = Some(date.format(&Rfc2822).unwrap().replace("+0000", "GMT"));
    authority::save(&api.client(), "system", stored, None).await.unwrap();
    let registered = Arc::new(Notify::new());
    let (client, registration) =
        (api.client(), registration(watch::channel(None).1, Arc::clone(&registered)));
    tokio::spawn(async move { registration.run(&client).await });
    registered.notified().await;
    let current = authority::load(&api.client(), "system").await.unwrap().unwrap();
    (api, current.authority.unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_the_api_server_decides_whether_an_authority_is_replaced() {
    // To this replica's clock it seems to be from the future, then long expired.
    for days in [500, -500] {
        let date = OffsetDateTime::now_utc() + time::Duration::days(days);
        let good = Authority::new(None, date).unwrap();
        assert_eq!(registered(&good, date).await.1, good);
    }
    let date = OffsetDateTime::now_utc() - time::Duration::days(500);
    let future = Authority::new(None, OffsetDateTime::now_utc()).unwrap();
    let (_, successor) = registered(&future, date).await;
    assert!(successor.certificate != future.certificate && !successor.is_due(date));
    assert!(successor.bundle.contains(&future.certificate));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changed_is_corrected_within_a_minute() {
    let now = OffsetDateTime::now_utc();
    let own = Authority::new(None, now).unwrap();
    let (api, _) = registered(&own, now).await;
    let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz-ingraft-operator";
    let bundles = || {
        let configuration = api.object(path);
        let webhooks = configuration["webhooks"].as_array().cloned().unwrap_or_default();
        webhooks.iter().map(|webhook| webhook["clientConfig"]["caBundle"].clone()).collect::<Vec<_>>()
    };
    let before = bundles();
    if let Some(configuration) = api.state().objects.get_mut(path) {
        configuration["webhooks"][0]["clientConfig"]["caBundle"] = "".into();
    }
    assert_ne!(bundles(), before);
    tokio::time::sleep(REFRESH + Duration::from_secs(1)).await;
    assert_eq!(bundles(), before);
}
