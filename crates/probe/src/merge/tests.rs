use std::vec::Vec;

use std::borrow::ToOwned;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(variables)
}

fn merge(kind: Kind, user: Option<&str>) -> Option<String> {
    let variables: Vec<_> = user.map(|value| ("X", value)).into_iter().collect();
    let user = environment(&variables);
    merged(&Rule { name: "X".to_owned(), kind }, &user, &user).expect("text")
}

fn join([prefix, suffix, alone, mark]: [&str; 4]) -> Kind {
    Kind::Join { prefix: prefix.into(), suffix: suffix.into(), alone: alone.into(), mark: mark.into() }
}

#[test]
fn joins_as_each_language_needs() {
    let java = || join(["", " -javaagent:/o/a.jar", " -javaagent:/o/a.jar", "/o/a.jar"]);
    assert_eq!(merge(java(), Some("-Xmx1g")).as_deref(), Some("-Xmx1g -javaagent:/o/a.jar"));
    assert_eq!(merge(java(), None).as_deref(), Some(" -javaagent:/o/a.jar"));
    assert_eq!(merge(java(), Some("")).as_deref(), Some(" -javaagent:/o/a.jar"));
    assert_eq!(merge(java(), Some("-javaagent:/o/a.jar -Xmx1g")), None);
    let python = || join(["/o/a:", ":/o", "/o/a:/o", "/o/a"]);
    assert_eq!(merge(python(), Some("/app")).as_deref(), Some("/o/a:/app:/o"));
    assert_eq!(merge(python(), Some("")).as_deref(), Some("/o/a:/o"));
    assert_eq!(merge(join(["", "+", "+", ""]), Some("x")).as_deref(), Some("x+"));
}

#[test]
fn knows_set_and_default() {
    assert_eq!(merge(Kind::Set("1".to_owned()), Some("0")).as_deref(), Some("1"));
    assert_eq!(merge(Kind::Default("1".to_owned()), Some("0")), None);
    assert_eq!(merge(Kind::Default("1".to_owned()), Some("")).as_deref(), Some("1"));
    assert_eq!(merge(Kind::Default("1".to_owned()), None).as_deref(), Some("1"));
}

#[test]
fn yields_to_what_says_the_same() {
    let ours = |other: &str, key: &str, user: &[(&str, &str)]| {
        let kind = Kind::DefaultUnless { ours: "1".to_owned(), other: other.to_owned(), key: key.to_owned() };
        let rule = Rule { name: "X".to_owned(), kind };
        // What was merged before is not the user's.
        let mut merged = environment(user);
        merged.set("Y", Value::Text("ours".to_owned()));
        super::merged(&rule, &environment(user), &merged).expect("text").is_some()
    };
    assert!(ours("Y", "", &[]));
    assert!(ours("Y", "", &[("Y", "")]));
    assert!(!ours("Y", "", &[("Y", "0")]));
    assert!(!ours("Y", "", &[("X", "0")]));
    assert!(ours("Y", "service.name", &[("Y", "a=1,service=2")]));
    assert!(!ours("Y", "service.name", &[("Y", "a=1, service%2Ename =2")]));
}

#[test]
fn keeps_the_users_attributes_and_adds_new_keys() {
    let attributes = |user, ours: &str| merge(Kind::Attributes(ours.to_owned()), user).unwrap_or_default();
    assert_eq!(attributes(None, "a=1,b=2"), "a=1,b=2");
    assert_eq!(attributes(Some("a=9"), "a=1,b=2"), "a=9,b=2");
    assert_eq!(attributes(Some(",a=x%2Cy, ,c,"), "a=1,,b=2,c=3"), "a=x%2Cy,c,b=2");
    assert_eq!(attributes(Some("service%2ename=u"), "service.name=o,x=1"), "service%2ename=u,x=1");
    assert_eq!(attributes(Some(" service.name =u"), "service.name=o"), "service.name =u");
    assert_eq!(attributes(Some("%zz=1,%=2,a%4=3"), "%zz=0,%=0,a%4=0,b=1"), "%zz=1,%=2,a%4=3,b=1");
    assert_eq!(attributes(Some("a=1"), "b=1,b=2"), "a=1,b=1");
    assert_eq!(attributes(Some("a=it's"), "b=o'k"), "a=it%27s,b=o%27k");
    assert_eq!(attributes(Some("a=1,a=2"), "a=3"), "a=1,a=2");
}

#[test]
fn refuses_what_is_no_text() {
    let environment = Environment::new([b"X=a\xff".as_slice()].into_iter());
    let rule = |kind| Rule { name: "X".to_owned(), kind };
    let merged = |kind| super::merged(&rule(kind), &environment, &environment);
    assert_eq!(merged(Kind::Default("1".to_owned())), Err(Refusal::Encoding));
    assert_eq!(merged(Kind::Set("1".to_owned())), Ok(Some("1".to_owned())));
}
