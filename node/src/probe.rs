//! Asks the node that runs from a configuration how it is: the health check of a container or a service manager that has
//! no other program at hand.

use crate::{
    error::RunError,
    node::{PORTS_FILE, PortsFile},
};
use concordat_proto::Code;
use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Clone, Debug, clap::Args)]
pub struct HealthArgs {
    /// The configuration file that the node runs from
    #[arg(long, env = "CONCORDAT_CONFIG", default_value = "node.toml")]
    pub config: PathBuf,
    /// Ask only whether the process lives, not whether it is ready
    #[arg(long)]
    pub live: bool,
}

/// What the node says; an error where it is not well or does not answer.
pub fn health(args: &HealthArgs) -> Result<String, RunError> {
    let address = address(&args.config)?;
    let path = if args.live { "/livez" } else { "/readyz" };
    let unreachable = |error: io::Error| Code::Unavailable.error(format!("no node answers on {address}: {error}"));
    let (status, text) = get(address, path).map_err(unreachable)?;
    match status {
        200 => Ok(text),
        _ => Err(Code::Unavailable.error(format!("the node is not ready: {text}")).with_next(NEXT)),
    }
}

/// As the node announces it; where it listens on all addresses, by loopback.
fn address(config: &Path) -> Result<SocketAddr, RunError> {
    let path = config.with_file_name(PORTS_FILE);
    let failed =
        |error: io::Error| Code::Unavailable.error(format!("{}: {error}", path.display())).with_next(NOT_STARTED);
    let text = fs::read(&path).map_err(failed)?;
    let ports: PortsFile = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
    Ok(reachable(ports.http))
}

fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Status and body.
fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::Error::other("its answer is not HTTP"))
}

fn parse(text: &str) -> Option<(u16, String)> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/")?.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.trim().to_owned()))
}

/// A node that is well answers in milliseconds, and who checks health waits some seconds at most.
const WITHIN: Duration = Duration::from_secs(2);
/// A reason is one line.
const BYTES_MAX: u64 = 64 << 10;
const NEXT: &str = "docs/operations.md, Probes, has what to do about each reason.";
const NOT_STARTED: &str = "Start the node, or name its configuration by --config or CONCORDAT_CONFIG.";

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, thread};

    /// What `health` says of a node that gives this answer.
    fn check(answer: &'static str) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let ports = format!(r#"{{"pid":1,"peer":"0.0.0.0:1","client":"0.0.0.0:2","http":"0.0.0.0:{port}"}}"#);
        fs::write(folder.path().join(PORTS_FILE), ports).expect("it is writable");
        let node = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the probe comes");
            let mut request = [0; 512];
            let length = stream.read(&mut request).expect("it asks");
            stream.write_all(answer.as_bytes()).expect("it reads");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let outcome = health(&HealthArgs { config: folder.path().join("node.toml"), live: false });
        let request = node.join().expect("no panic");
        assert!(request.starts_with("GET /readyz HTTP/1.0\r\n"), "{request}");
        outcome.map_err(|error| error.cause)
    }

    #[test]
    fn a_node_is_as_it_says() {
        assert_eq!(check("HTTP/1.0 200 OK\r\n\r\nok\n"), Ok("ok".to_owned()));
        let ill = check("HTTP/1.0 503 Service Unavailable\r\n\r\nisolated: it reaches 100 of 400\n");
        assert_eq!(ill, Err("the node is not ready: isolated: it reaches 100 of 400".to_owned()));
        assert!(check("SSH-2.0-OpenSSH\r\n\r\n").is_err_and(|cause| cause.contains("not HTTP")));
    }

    #[test]
    fn a_node_that_does_not_run_is_not_well() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let args = HealthArgs { config: folder.path().join("node.toml"), live: true };
        let error = health(&args).expect_err("nothing was started");
        assert!(error.cause.contains(PORTS_FILE), "{error}");

        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port();
        let ports = format!(r#"{{"pid":1,"peer":"0.0.0.0:1","client":"0.0.0.0:2","http":"127.0.0.1:{port}"}}"#);
        fs::write(folder.path().join(PORTS_FILE), ports).expect("it is writable");
        let error = health(&args).expect_err("it has ended");
        assert!(error.cause.contains("no node answers"), "{error}");
    }
}
