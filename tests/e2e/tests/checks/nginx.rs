//! nginx.

use ingraft_testkit::Cluster;

use super::web_server::{Server, load_images};

const NGINX: Server = Server {
    key: "nginx",
    field: "nginx",
    prefix: "NginxModule",
    attach: "otel-agent-attach-nginx",
    main: "/etc/nginx/nginx.conf",
    source: "crates/testkit/apps/nginx/nginx.conf",
    change: (
        "http {",
        "http {\n    server {\n        listen 8081;\n        add_header X-Own-Configuration mounted;\n        \
         return 200 \"hello\\n\";\n    }",
    ),
    changed_port: 8081,
};

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load_images(cluster)?;
    NGINX.check(cluster)
}
