//! Images in a registry, which may demand a token, and may misbehave.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

mod common;

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::server::{Question, Reply, Server};
use common::{Blobs, GLIBC, MUSL, NODE, PYTHON, digest, python_config, tar};
use ingraft_core::doctor::image::{Platform, Reading};
use ingraft_image::{Credentials, Options, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A registry with one name, `shop/web:1`, which stands for an index of two platforms.
#[derive(Clone)]
struct Content {
    blobs: Blobs,
    root: Value,
}

fn content() -> Content {
    let mut blobs = Blobs::default();
    let amd64 = blobs.image("linux/amd64", &python_config(), &[tar([MUSL, PYTHON[0]]), tar([PYTHON[1]])]);
    let node = json!({"Entrypoint": ["node"], "Env": ["PATH=/usr/local/bin"]});
    let arm64 = blobs.image("linux/arm64", &node, &[tar([GLIBC, NODE])]);
    let root = blobs.index(&[amd64, arm64]);
    Content { blobs, root }
}

impl Content {
    fn answer(&self, question: &Question) -> Reply {
        let Some(asked) = question.path.strip_prefix("/v2/shop/web/") else {
            return Reply::new(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
        };
        let (_, version) = asked.split_once('/').expect("a version");
        let digest = if version == "1" { self.root["digest"].as_str().expect("a digest") } else { version };
        match self.blobs.0.get(digest) {
            Some(bytes) => Reply::new(200, bytes.clone()),
            None => Reply::new(404, "{}"),
        }
    }

    /// The digest of a layer for amd64.
    fn layer(&self) -> String {
        let is_layer = |bytes: &Vec<u8>| bytes.starts_with(&[0x1f, 0x8b]);
        let manifest = self.blobs.0.values().filter(|bytes| !is_layer(bytes));
        let manifest = manifest.filter_map(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        let mut layers = manifest.filter_map(|document| {
            let two = document["layers"].as_array().filter(|layers| layers.len() == 2)?;
            Some(two[0]["digest"].as_str()?.to_owned())
        });
        layers.next().expect("a layer")
    }
}

fn read_as(server: &Server, name: &str, options: &Options) -> Result<Reading, String> {
    let source = Source::parse(&format!("{}/{name}", server.address)).expect("a name");
    ingraft_image::read(&source, options).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    })
}

fn for_platform(platform: &str) -> Options {
    Options { platform: Platform::parse(platform), ..Options::default() }
}

fn read(server: &Server) -> Result<Reading, String> {
    read_as(server, "shop/web:1", &for_platform("linux/amd64"))
}

/// Credentials for a server, as they stand in a file.
fn credentials(server: &Server, entry: &Value) -> Credentials {
    let folder = TempDir::new().expect("folder");
    let path: PathBuf = folder.path().join("config.json");
    let text = json!({"auths": {server.address.to_string(): entry}}).to_string();
    std::fs::write(&path, text).expect("write");
    Credentials::of_first([path]).expect("credentials")
}

#[test]
fn an_index_of_two_platforms_is_read() {
    let content = content();
    let root = content.root["digest"].as_str().map(str::to_owned);
    let server = Server::start(move |question, _| content.answer(question));
    let reading = read(&server).expect("an image");
    assert_eq!(reading.digest, root);
    assert_eq!(reading.commands, ["/usr/local/bin/python3.12"]);
    assert_eq!(
        reading.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["linux/amd64", "linux/arm64"]
    );
    let arm = read_as(&server, "shop/web:1", &for_platform("linux/arm64")).expect("the other");
    assert_eq!(arm.commands, ["/usr/local/bin/node"]);
    let by_digest = format!("shop/web@{}", root.expect("a digest"));
    let by_digest = read_as(&server, &by_digest, &for_platform("linux/arm64")).expect("by its digest");
    assert_eq!(by_digest.facts, arm.facts);
    let error = read_as(&server, "shop/web:2", &Options::default()).expect_err("no such tag");
    assert!(error.ends_with("see that name and tag are right"), "{error}");
    let error = read_as(&server, "shop/api:1", &Options::default()).expect_err("no such name");
    assert!(error.contains("NAME_UNKNOWN"), "{error}");
}

/// Answers only to who shows the token, and gives it to who is `who` or, where that is empty, to anybody.
fn demanding(content: &Content, who: &str, question: &Question, address: SocketAddr) -> Reply {
    if let Some(query) = question.path.strip_prefix("/token?") {
        assert!(
            query.contains("service=here") && query.contains("scope=repository%3Ashop%2Fweb%3Apull"),
            "{query}"
        );
        let is_he = question.authorization == format!("Basic {}", STANDARD.encode(who));
        let is_he = is_he || (who.is_empty() && question.authorization.is_empty());
        return if is_he { Reply::new(200, r#"{"token": "abc"}"#) } else { Reply::new(401, "{}") };
    }
    if question.path == "/token" {
        let given = question.body.contains("refresh_token=identity");
        return if given { Reply::new(200, r#"{"access_token": "abc"}"#) } else { Reply::new(400, "{}") };
    }
    if question.authorization == "Bearer abc" {
        return content.answer(question);
    }
    let challenge =
        format!(r#"Bearer realm="http://{address}/token",service="here",scope="repository:shop/web:pull""#);
    Reply::new(401, "{}").with("WWW-Authenticate", challenge)
}

#[test]
fn a_token_is_fetched_once() {
    let content = content();
    let server = Server::start(move |question, address| demanding(&content, "", question, address));
    read(&server).expect("an image");
    let asked = server.asked();
    assert_eq!(asked.iter().filter(|question| question.path.starts_with("/token")).count(), 1);
    assert_eq!(asked.iter().filter(|question| question.authorization.is_empty()).count(), 2);
}

#[test]
fn credentials_are_shown_to_who_gives_tokens() {
    let content = content();
    let server = Server::start(move |question, address| demanding(&content, "me:secret", question, address));
    let error = read(&server).expect_err("nobody");
    assert!(error.contains("does not give a token") && error.contains("docker login"), "{error}");
    let with = |entry: Value| {
        let options = Options { credentials: credentials(&server, &entry), ..for_platform("linux/amd64") };
        read_as(&server, "shop/web:1", &options)
    };
    with(json!({"auth": STANDARD.encode("me:secret")})).expect("a password");
    with(json!({"auth": STANDARD.encode("me:"), "identitytoken": "identity"})).expect("a token");
    let error = with(json!({"auth": STANDARD.encode("me:wrong")})).expect_err("a wrong password");
    assert!(!error.contains("wrong"), "{error}");
    // The registry itself, which demands a token, is never shown the password.
    let shown = server.asked().into_iter().filter(|question| question.authorization.starts_with("Basic"));
    assert!(shown.map(|question| question.path).all(|path| path.starts_with("/token")));
}

#[test]
fn somebody_else_may_not_ask_for_credentials() {
    // It answers in place of the registry, which sends there, and names the registry's own address.
    let elsewhere = |realm: SocketAddr| {
        Server::start(move |_, _| {
            Reply::new(401, "{}").with("WWW-Authenticate", format!("Bearer realm=\"http://{realm}/token\""))
        })
    };
    let target = std::sync::Arc::new(std::sync::OnceLock::new());
    let sends = std::sync::Arc::clone(&target);
    let server = Server::start(move |question, _| {
        let to: &SocketAddr = sends.get().expect("known by now");
        Reply::new(307, "").with("Location", format!("http://{to}{}", question.path))
    });
    let other = elsewhere(server.address);
    target.set(other.address).expect("once");
    let credentials = credentials(&server, &json!({"auth": STANDARD.encode("me:secret")}));
    let error = read_as(&server, "shop/web:1", &Options { credentials, ..Options::default() });
    assert!(error.expect_err("not there").contains("status 401"));
    let asked = [server.asked(), other.asked()].concat();
    assert!(asked.iter().all(|question| question.authorization.is_empty()), "{asked:?}");
    assert!(asked.iter().all(|question| !question.path.starts_with("/token")), "{asked:?}");
}

#[test]
fn basic_credentials_are_shown_where_they_are_demanded() {
    let content = content();
    let server = Server::start(move |question, _| {
        if question.authorization == format!("Basic {}", STANDARD.encode("me:secret")) {
            return content.answer(question);
        }
        Reply::new(401, "denied").with("WWW-Authenticate", "Basic realm=\"x\"")
    });
    let error = read(&server).expect_err("nobody");
    assert!(error.contains("status 401 denied") && error.contains("docker login"), "{error}");
    let credentials = credentials(&server, &json!({"auth": STANDARD.encode("me:secret")}));
    let options = Options { credentials, ..for_platform("linux/amd64") };
    read_as(&server, "shop/web:1", &options).expect("an image");
}

#[test]
fn layers_may_be_elsewhere_and_what_is_secret_stays_here() {
    let content = content();
    let elsewhere = {
        let content = content.clone();
        Server::start(move |question, _| content.answer(question))
    };
    let target = elsewhere.address;
    let server = Server::start(move |question, address| {
        let reply = demanding(&content, "", question, address);
        let is_blob = reply.status == 200 && question.path.contains("/blobs/");
        if is_blob {
            Reply::new(307, "").with("Location", format!("http://{target}{}", question.path))
        } else {
            reply
        }
    });
    read(&server).expect("an image");
    let asked = elsewhere.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|question| question.authorization.is_empty()));
}

#[test]
fn tokens_without_end_end() {
    // It demands a token whatever it is shown.
    let server = Server::start(|question, address| {
        if question.path.starts_with("/token") {
            return Reply::new(200, r#"{"token": "abc"}"#);
        }
        Reply::new(401, "again").with("WWW-Authenticate", format!("Bearer realm=\"http://{address}/token\""))
    });
    let error = read(&server).expect_err("no end");
    assert!(error.contains("status 401 again"), "{error}");
    assert_eq!(server.asked().len(), 3);
    // Whoever gives tokens sends in a circle, or something else than a token.
    for reply in [
        Reply::new(200, "{}"),
        Reply::new(200, "no JSON"),
        Reply::new(200, r#"{"token": "a\r\nX: y"}"#),
        Reply::new(200, vec![b' '; 300_000]),
        Reply::new(307, "").with("Location", "/token"),
        Reply::new(500, "{}"),
    ] {
        let server = Server::start(move |question, address| {
            if question.path.starts_with("/token") {
                return reply.clone();
            }
            Reply::new(401, "").with("WWW-Authenticate", format!("Bearer realm=\"http://{address}/token\""))
        });
        let error = read(&server).expect_err("no token");
        assert!(error.contains("a token"), "{error}");
        assert!(server.asked().len() < 10);
    }
}

/// What is told where the answers that fit are replaced.
fn misbehaving(fits: impl Fn(&str, &Content) -> bool + Send + Sync + 'static, reply: Reply) -> String {
    let content = content();
    let server =
        Server::start(
            move |question, _| {
                if fits(&question.path, &content) { reply.clone() } else { content.answer(question) }
            },
        );
    read(&server).expect_err("it misbehaves")
}

#[test]
fn what_is_too_long_cut_or_changed_is_refused() {
    let is_root = |path: &str, _: &Content| path.ends_with("/manifests/1");
    let is_layer = |path: &str, content: &Content| path.ends_with(&content.layer());
    let content = content();
    let layer = content.blobs.0[&content.layer()].clone();
    let huge = misbehaving(is_root, Reply::new(200, vec![b'['; 5 << 20]));
    assert!(huge.contains("manifests/1 of shop/web is refused: it has more than 4194304 bytes"), "{huge}");
    let deep = misbehaving(is_root, Reply::new(200, "[".repeat(100_000)));
    assert!(deep.contains("cannot be used"), "{deep}");
    let page = misbehaving(is_root, Reply::new(200, "<html>log in</html>"));
    assert!(page.contains("the manifest of") && page.contains("cannot be used"), "{page}");
    let old = misbehaving(is_root, Reply::new(200, r#"{"schemaVersion": 1, "fsLayers": []}"#));
    assert!(old.contains("push it again"), "{old}");
    let many = json!({"manifests": vec![json!({"digest": "sha256:0"}); 600]}).to_string();
    assert!(misbehaving(is_root, Reply::new(200, many)).contains("more than 512 layers or images"));

    let half = layer[..layer.len() / 2].to_vec();
    let cut = misbehaving(is_layer, Reply { announced: Some(layer.len()), ..Reply::new(200, half.clone()) });
    assert!(cut.contains("layer sha256:") && cut.contains("cannot be used"), "{cut}");
    let shorter = misbehaving(is_layer, Reply::new(200, half));
    assert!(shorter.contains("cannot be used"), "{shorter}");
    let more = misbehaving(is_layer, Reply::new(200, [layer.as_slice(), &[0; 10]].concat()));
    assert!(more.contains("bytes in place of"), "{more}");
    let other = misbehaving(is_layer, Reply::new(200, common::gzip(&tar([NODE]))));
    assert!(other.contains("in place of") || other.contains("its digest is"), "{other}");
    let circle = misbehaving(is_layer, Reply::new(307, "").with("Location", "/v2/shop/web/blobs/x"));
    assert!(circle.contains("status 404"), "{circle}");
    let busy = misbehaving(is_layer, Reply::new(429, "too many"));
    assert!(busy.contains("wait, or docker login"), "{busy}");
}

#[test]
fn a_manifest_with_another_digest_is_refused() {
    let content = content();
    let manifest = |path: &str, _: &Content| path.contains("/manifests/sha256:");
    let other = content.blobs.0[content.root["digest"].as_str().expect("a digest")].clone();
    let error = misbehaving(manifest, Reply::new(200, other));
    assert!(error.contains("in place of") || error.contains("its digest is"), "{error}");
}

#[test]
fn indexes_within_each_other_end() {
    // Each index names another one, which the server makes up.
    let index = |number: u32| json!({"manifests": [], "number": number}).to_string();
    assert_ne!(digest(index(1).as_bytes()), digest(index(2).as_bytes()));
    let mut blobs = Blobs::default();
    let mut inner = blobs.index(&[]);
    for _ in 0..6 {
        inner = blobs.index(&[inner]);
    }
    let content = Content { blobs, root: inner };
    let server = Server::start(move |question, _| content.answer(question));
    let error = read(&server).expect_err("too deep");
    assert!(error.contains("3 indexes within each other"), "{error}");
}

#[test]
fn nobody_there_is_told() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address");
    drop(server);
    let source = Source::parse(&format!("{address}/shop/web:1")).expect("a name");
    let error = ingraft_image::read(&source, &Options::default()).expect_err("nobody");
    assert!(
        error.to_string().starts_with(&format!("failed to ask {address} for manifests/1 of shop/web")),
        "{error}"
    );
}
