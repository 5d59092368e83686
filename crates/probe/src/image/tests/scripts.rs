use super::*;

#[test]
fn tells_es_modules() {
    let module = r#"{"name":"x","type":"module"}"#;
    let uses = |tree: Tree| tree.contents().es_modules;
    assert_eq!(uses(Tree::new()), None);
    assert_eq!(uses(Tree::new().file("app/package.json", module)), Some(true));
    assert_eq!(uses(Tree::new().file("app/package.json", "{}")), Some(false));
    assert_eq!(uses(Tree::new().file("srv/package.json", module)), None);
    assert_eq!(uses(Tree::new().file("srv/package.json", module).workdir("/srv")), Some(true));
    assert_eq!(uses(Tree::new().argv(&["node", "x.mjs"])), Some(true));
    assert_eq!(uses(Tree::new().file("app/package.json", module).argv(&["node", "/app/x.cjs"])), Some(false));
    let nested = || Tree::new().file("srv/package.json", module).file("srv/dist/x.js", "");
    assert_eq!(uses(nested().argv(&["node", "/srv/dist/x.js"])), Some(true));
    assert_eq!(uses(nested().argv(&["node", "--require", "dist/x.js"]).workdir("/srv")), Some(true));
    assert_eq!(
        uses(nested().file("srv/dist/package.json", "{}").argv(&["node", "/srv/dist/x.js"])),
        Some(false)
    );
    assert_eq!(uses(Tree::new().argv(&["node", "/srv/x.js"])), None);
}

#[test]
fn finds_assignments_in_scripts() {
    let assigned = |tree: Tree| tree.contents().assigned;
    let java = vec!["JAVA_TOOL_OPTIONS".to_owned()];
    let script = |line: &str| {
        Tree::new().program("run", ["#!/bin/sh\nset -e\n", line, "\nexec app\n"].concat()).argv(&["/run"])
    };
    for line in [
        "export JAVA_TOOL_OPTIONS=-Xmx1g",
        "  JAVA_TOOL_OPTIONS=\"$X\" java",
        "if true; then export JAVA_TOOL_OPTIONS='a b'; fi",
        "unset X JAVA_TOOL_OPTIONS",
    ] {
        assert_eq!(assigned(script(line)), java, "{line}");
    }
    for line in [
        "# export JAVA_TOOL_OPTIONS=-Xmx1g",
        "export JAVA_TOOL_OPTIONS=\"$JAVA_TOOL_OPTIONS -Xmx1g\"",
        "JAVA_TOOL_OPTIONS=${JAVA_TOOL_OPTIONS:-x}",
        "MY_JAVA_TOOL_OPTIONS=x",
        "echo JAVA_TOOL_OPTIONS",
        "unset X; JAVA_TOOL_OPTIONS_2=x",
    ] {
        assert_eq!(assigned(script(line)), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn knows_where_scripts_are() {
    let assigned = |tree: Tree| tree.contents().assigned;
    let node = vec!["NODE_OPTIONS".to_owned()];
    let text = "#!/usr/bin/env bash\nexport NODE_OPTIONS=\n";
    let usual = || Tree::new().program("docker-entrypoint.sh", text);
    assert_eq!(assigned(usual()), node);
    assert_eq!(assigned(usual().program("app", "").argv(&["/app"])), Vec::<String>::new());
    let wrapped = Tree::new().program("sbin/tini", "").program("x/run", text);
    assert_eq!(assigned(wrapped.argv(&["tini", "--", "run"]).env("PATH", "/sbin:/x")), node);
    let relative = Tree::new().program("x/run", text).workdir("/x").argv(&["./run"]);
    assert_eq!(assigned(relative), node);
    assert_eq!(assigned(Tree::new().argv(&["sh", "-c", "NODE_OPTIONS=x node ."])), node);
    assert_eq!(assigned(Tree::new().argv(&["env", "NODE_OPTIONS=x", "node"])), node);
    let python = Tree::new().program("run", "#!/usr/bin/python3\nNODE_OPTIONS=1\n").argv(&["/run"]);
    assert_eq!(assigned(python), Vec::<String>::new());
}
