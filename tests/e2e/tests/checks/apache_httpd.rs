//! Apache httpd.

use ingraft_testkit::Cluster;

use super::web_server::{Server, load_images};

const APACHE_HTTPD: Server = Server {
    key: "apache-httpd",
    field: "apacheHttpd",
    prefix: "ApacheModule",
    attach: "otel-agent-attach-apache",
    main: "/usr/local/apache2/conf/httpd.conf",
    source: "crates/testkit/apps/httpd/httpd.conf",
    change: (
        "Include conf/extra/*.conf",
        "Include conf/extra/*.conf\nHeader always set X-Own-Configuration mounted",
    ),
    changed_port: 8080,
};

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load_images(cluster)?;
    APACHE_HTTPD.check(cluster)
}
