//! nginx before an executor's own file server. In DPark's deployment one runs on each machine and serves the work directories.

use super::protocol::Address;
use crate::net::fetch::Fetcher;
use crate::net::secret::unguessable;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// Where DPark's nginx listens.
const PORT: u16 = 5055;

/// What does not answer in this time does not serve.
const PATIENCE: Duration = Duration::from_millis(500);

/// The directories between what the settings name, which nginx serves, and an executor's files: the private one, the executor's
/// and the one that the executor has made.
const DEPTH: usize = 3;

/// Where the files of a directory are served at the port, if they are: it is believed to whoever has what was written there
/// just now, and gives a part of it when a part is asked for.
pub(super) async fn serving(directory: &Path, host: IpAddr) -> Option<Address> {
    let root = directory.ancestors().nth(DEPTH)?;
    let path = format!("/{}", directory.strip_prefix(root).ok()?.to_str()?);
    let server = format!("http://{host}:{PORT}");
    let (name, content) = (unguessable().ok()?, unguessable().ok()?);
    let (probe, probed) = (directory.join(&name), format!("{path}/{name}"));
    let got = match std::fs::write(&probe, format!("-{content}-")) {
        Ok(()) => {
            let fetcher = Fetcher::new(1);
            let range = 1..1 + content.len() as u64;
            let asked = fetcher.get(&server, &probed, Some(range));
            timeout(PATIENCE, asked).await.ok().and_then(Result::ok)
        }
        // A full disk, for one; files go elsewhere then.
        Err(_) => None,
    };
    // What cannot be removed goes with the directory.
    let _ = std::fs::remove_file(probe);
    (got? == content.as_bytes()).then_some(Address { server, path })
}
