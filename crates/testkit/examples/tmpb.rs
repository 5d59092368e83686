//! t
use ingraft_testkit::{Cache, Progress, images};
fn main() -> anyhow::Result<()> {
    let c = Cache::locate()?;
    let p = Progress::stderr();
    for f in [
        images::dotnet_app,
        images::dotnet_agent,
        images::httpd,
        images::nginx,
        images::webserver_agent,
        images::webserver_agent_without_modules,
        images::go_app,
        images::go_agent,
    ] {
        match f(&c, p) {
            Ok(i) => println!("{:?}", i.names),
            Err(e) => println!("{e:?}"),
        }
    }
    Ok(())
}
