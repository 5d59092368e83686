use serde_json::json;

use super::check;

#[test]
fn collections_on_one_line_stay_on_it() {
    check(&[
        ("a: {b: c} # d\n", &[("/a/e", json!(1)), ("/a/f/", json!(2))], "a: {b: c, e: 1} # d\n"),
        ("a: { b: c, }\n", &[("/a/e", json!("on"))], "a: { b: c, e: \"on\", }\n"),
        (
            "a: [x, 'y']\n",
            &[("/a/1", json!("z")), ("/a/-", json!({"k": [1, {}]}))],
            "a: [x, \"z\", 'y', {k: [1, {}]}]\n",
        ),
        (
            "spec: {containers: [{name: app}, {name: é}]}\n",
            &[("/spec/containers/1/env", json!([{"name": "A"}]))],
            "spec: {containers: [{name: app}, {name: é, env: [{name: \"A\"}]}]}\n",
        ),
        (
            "{\"a\":1,\"b\":[]}\n",
            &[("/b/-", json!({"c": "d"})), ("/e", json!(null))],
            "{\"a\":1,\"b\":[{\"c\":\"d\"}],\"e\":null}\n",
        ),
        ("{\"a\": {}}\n", &[("/a/b", json!({"c": 1}))], "{\"a\": {\"b\": {\"c\": 1}}}\n"),
        ("{a, b: , c: d}\n", &[("/a", json!(1)), ("/b", json!(2))], "{a: 1, b: 2 , c: d}\n"),
        (
            "[{a: b}, [c]]\n",
            &[("/0/x~1y", json!("é")), ("/1/0", json!(true))],
            "[{a: b, x/y: \"é\"}, [true, c]]\n",
        ),
        ("[a: b, c]\n", &[("/0/a", json!("x")), ("/-", json!("d"))], "[a: x, c, \"d\"]\n"),
    ]);
}

#[test]
fn printed_json_stays_printed() {
    check(&[
        (
            "{\n  \"metadata\": {\n    \"annotations\": {},\n    \"name\": \"a\"\n  },\n  \"spec\": {\n    \"containers\": [\n      {\n        \"name\": \"app\"\n      }\n    ]\n  }\n}\n",
            &[
                ("/metadata/annotations", json!({"a/b": "c"})),
                ("/spec/containers/0/env", json!([{"name": "A", "value": "1"}])),
                ("/spec/containers/0/args", json!([])),
                ("/spec/containers/0", json!({"name": "first"})),
            ],
            "{\n  \"metadata\": {\n    \"annotations\": {\n      \"a/b\": \"c\"\n    },\n    \"name\": \"a\"\n  },\n  \"spec\": {\n    \"containers\": [\n      {\n        \"name\": \"first\"\n      },\n      {\n        \"name\": \"app\",\n        \"env\": [\n          {\n            \"name\": \"A\",\n            \"value\": \"1\"\n          }\n        ],\n        \"args\": []\n      }\n    ]\n  }\n}\n",
        ),
        (
            "{\n\t\"a\": [\n\t\t1\n\t]\n}\n",
            &[("/a/-", json!({"b": 2})), ("/c", json!(3))],
            "{\n\t\"a\": [\n\t\t1,\n\t\t{\n\t\t\t\"b\": 2\n\t\t}\n\t],\n\t\"c\": 3\n}\n",
        ),
        (
            "{\n  \"a\": 1, \"b\": {\"c\": 2}}\n",
            &[("/b/d", json!(3)), ("/e", json!(4))],
            "{\n  \"a\": 1, \"b\": {\"c\": 2, \"d\": 3},\n  \"e\": 4}\n",
        ),
    ]);
}

#[test]
fn kyaml_stays_kyaml() {
    check(&[(
        "---\n{\n  metadata: {\n    name: \"a\", # the name\n  },\n  spec: {\n    containers: [{\n      name: \"app\",\n      args: [\n        \"x\",\n      ],\n    }],\n  },\n}\n",
        &[
            ("/metadata/annotations", json!({"a/b": "c", "d e": "f"})),
            ("/spec/containers/0/args/-", json!("y")),
            ("/spec/containers/0/env", json!([{"name": "A"}, {"name": "B"}])),
            ("/spec/containers/-", json!({"name": "b"})),
        ],
        "---\n{\n  metadata: {\n    name: \"a\", # the name\n    annotations: {\n      a/b: \"c\",\n      \"d e\": \"f\",\n    },\n  },\n  spec: {\n    containers: [{\n      name: \"app\",\n      args: [\n        \"x\",\n        \"y\",\n      ],\n      env: [{\n        name: \"A\",\n      }, {\n        name: \"B\",\n      }],\n    }, {\n      name: \"b\",\n    }],\n  },\n}\n",
    )]);
}

#[test]
fn comments_in_braces_and_brackets_stay() {
    check(&[
        ("a: [\n  x, # 1\n  y # 2\n]\n", &[("/a/-", json!("z"))], "a: [\n  x, # 1\n  y, # 2\n  \"z\"\n]\n"),
        (
            "a: {\n  x: 1, # 1\n  # end\n}\n",
            &[("/a/k", json!(2)), ("/a/z", json!(3))],
            "a: {\n  x: 1, # 1\n  k: 2,\n  z: 3,\n  # end\n}\n",
        ),
    ]);
}
